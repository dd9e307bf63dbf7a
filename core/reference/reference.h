// The reference: what each op of the opset means, in float32 and plain loops, one file per op or family. It runs
// whatever no plugin claims, and every kernel is tested against it. Thread-safety: pure functions of their arguments;
// two calls may run at once on tensors that do not overlap.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/dtype.h"
#include "base/result.h"
#include "graph/opset.h"

namespace bp {

// Dense, row-major. An operand that is absent has dtype kInvalid. `data` may be null where there are no elements.
struct RefTensor {
  DType dtype = DType::kInvalid;
  std::vector<int64_t> dims;
  std::byte* data = nullptr;
};

// Runs one op. A result that updates an operand has that operand's data (where it has not, the operand is copied
// first). REQUIRES: dims and dtypes are what inference says, all attributes are there (Node::attrs), tensors hold their
// bytes. Errors: kUnsupported for a dtype it cannot read or write, kFailed where indices in the data point outside.
Status run_reference(const OpDef& op, std::span<const Attr> attrs, std::span<const RefTensor> in,
                     std::span<RefTensor> out);

// True for every op of the opset.
bool has_reference(const OpDef& op);

}  // namespace bp
