#include "graph/opset_families.h"

namespace bp {

void add_sample_ops(Opset& ops) {
  ops.push_back(
      {.name = "sample",
       .operands = {{"logits", "[S, V]", TypeRule::kF32},
                    {"temperature", "[S]", TypeRule::kF32},
                    {"top_k", "[S]", TypeRule::kI32},
                    {"top_p", "[S]", TypeRule::kF32},
                    {"min_p", "[S]", TypeRule::kF32},
                    {"seed", "[S]", TypeRule::kI64},
                    {"position", "[S]", TypeRule::kI32}},
       .results = {{"token", "[S]", DType::kI32}},
       .doc = "temperature <= 0: argmax, the lowest index of equals. Else logits / temperature; the top_k largest (0: "
              "all; "
              "of equals the lower index); softmax; those with p >= min_p p_max; the smallest set in descending order "
              "whose "
              "sum reaches top_p (>= 1: all); drawn is the first, in descending order, at which the sum of the kept p "
              "exceeds u "
              "times their total. u = ((z ^ z>>31) >> 40) 2^-24, where modulo 2^64 z = seed + 0x9E3779B97F4A7C15 "
              "(position "
              "+ 1), z = (z ^ z>>30) 0xBF58476D1CE4E5B9, z = (z ^ z>>27) 0x94D049BB133111EB. NaN counts "
              "as -inf."});
  ops.push_back({.name = "verify_draft",
                 .operands = {{"draft", "[S, D]", TypeRule::kI32},
                              {"target", "[S, D+1]", TypeRule::kI32},
                              {"n_draft", "[S]", TypeRule::kI32}},
                 .results = {{"n_accepted", "[S]", DType::kI32}, {"next", "[S]", DType::kI32}},
                 .doc =
                     "n_accepted[s] = length of the longest prefix of the first n_draft[s] places where draft equals "
                     "target; next[s] = target[s, n_accepted[s]]."});
}

}  // namespace bp
