// What a Tensor stands for. Immutable once made; shared by its handles.
#pragma once

#include <backplane/api/tensor.h>

#include <memory>
#include <span>
#include <vector>

#include "base/dtype.h"
#include "compile/buffer.h"
#include "graph/graph.h"

namespace bp::api {

class SessionState;
class Trace;

// Dense numbers on the device of a session, row-major. The session outlives the buffer.
struct Content {
  bp::DType dtype = bp::DType::kInvalid;
  std::vector<int64_t> dims;
  uint64_t size_bytes = 0;
  std::shared_ptr<const BufferSpan> memory;  // of the session's pool; null: a weight, whose bytes are on the host
  std::shared_ptr<const HostTensor> weight;
};

struct TensorState {
  // One of the two: numbers, or a place in a trace.
  std::shared_ptr<SessionState> session;  // before the content, so that it goes after
  Content content;
  std::shared_ptr<Trace> trace;
  ValueId value = kNone;
  bp::DType dtype = bp::DType::kInvalid;  // of either
  Shape shape;
};

// Bytes of so many elements, rows in whole blocks. Errors: kUsage where they do not fill blocks or overflow.
Result<uint64_t> content_bytes(bp::DType dtype, std::span<const int64_t> dims, const std::string& where);
// "[3, 10]"
std::string dims_text(std::span<const int64_t> dims);
std::string type_text(bp::DType dtype, std::span<const int64_t> dims);
Shape shape_of(std::span<const int64_t> dims);
// The true sizes. Errors: kUsage for a dynamic or negative one.
Result<std::vector<int64_t>> sizes_of(const Shape& shape, const std::string& where);
// Elements as float64; of plain dtypes. Errors: kUnsupported for a dtype in blocks or below 8 bits.
Result<std::vector<double>> numbers(bp::DType dtype, std::span<const std::byte> bytes);

Tensor make_tensor(std::shared_ptr<SessionState> session, Content content);

}  // namespace bp::api
