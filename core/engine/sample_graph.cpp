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

Result<Graph> next_ids_graph(int64_t max_tokens, int64_t max_outputs) {
  GraphBuilder b("next_ids");
  const Extent tokens = Extent::dynamic(b.symbol("n_tokens", 0, max_tokens));
  const Extent drawn = Extent::dynamic(b.symbol("n_drawn", 0, max_outputs));
  const ValueId token_ids = b.input("token_ids", DType::kI32, {tokens}, Role::kParam);
  const ValueId id_rows = b.input("id_rows", DType::kI32, {drawn}, Role::kParam);
  const ValueId next_tokens = b.input("next_tokens", DType::kI32, {drawn}, Role::kParam);
  b.output(b.op("scatter_rows", {token_ids, id_rows, next_tokens}), "filled_ids");
  return b.finish();
}

}  // namespace bp
