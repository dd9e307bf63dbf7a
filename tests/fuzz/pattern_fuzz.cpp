// Patterns and guards as a third-party plugin might write them: parsed, and matched against every node of a small
// graph. Input: the pattern up to the first newline, then the guard.
#include <cstdint>
#include <string_view>

#include "graph/builder.h"
#include "graph/guard.h"

namespace {

bp::Graph make_graph() {
  bp::GraphBuilder b("fuzz");
  const bp::Extent n = bp::Extent::dynamic(b.symbol("n", 0, 64));
  const bp::ValueId x = b.input("x", bp::DType::kF32, {n, bp::Extent::fixed(8)}, bp::Role::kParam);
  const bp::ValueId w = b.weight({"w", bp::DType::kF32, {8, 8}, {}});
  const bp::ValueId norm = b.op("rms_norm", {x}, {{"eps", 1e-5}});
  const bp::ValueId sum = b.add(x, b.matmul(norm, w));
  b.op("topk", {b.mul(sum, b.silu(sum))}, {{"k", int64_t{2}}});
  return *b.finish();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const bp::Graph graph = make_graph();
  static const bp::Uses readers = uses(graph);
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t newline = text.find('\n');
  const auto pattern = bp::Pattern::parse(text.substr(0, newline), "fuzz");
  if (!pattern) return 0;
  const std::string_view guard_text = newline == std::string_view::npos ? "" : text.substr(newline + 1);
  const auto guard = bp::Guard::parse(guard_text, "fuzz", *pattern);
  for (size_t node = 0; node < graph.nodes.size(); ++node) {
    std::string why;
    const auto found = match(graph, readers, *pattern, static_cast<bp::NodeId>(node), &why);
    if (found && guard) guard->holds(graph, *found, &why);
  }
  return 0;
}
