#include "engine/sample_graph.h"

#include "graph/builder.h"

namespace bp {

Result<Graph> sample_graph(int64_t max_outputs, int64_t vocab) {
  GraphBuilder b("sample");
  const Extent rows = Extent::dynamic(b.symbol("n_outputs", 0, max_outputs));
  const ValueId logits = b.input("logits", DType::kF32, {rows, Extent::fixed(vocab)}, Role::kActivation);
  const auto param = [&](const char* name, DType dtype) { return b.input(name, dtype, {rows}, Role::kParam); };
  const ValueId temperature = param("temperature", DType::kF32);
  const ValueId top_k = param("top_k", DType::kI32);
  const ValueId top_p = param("top_p", DType::kF32);
  const ValueId min_p = param("min_p", DType::kF32);
  const ValueId seed = param("seed", DType::kI64);
  const ValueId position = param("position", DType::kI32);
  b.output(b.op("sample", {logits, temperature, top_k, top_p, min_p, seed, position}), "next_tokens");
  return b.finish();
}

}  // namespace bp
