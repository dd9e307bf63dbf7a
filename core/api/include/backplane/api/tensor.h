// A tensor: numbers on a device, or a place in a function that is being traced. Part of <backplane/backplane.h>.
#pragma once

#include <backplane/api/types.h>

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace bp::api {

class Session;
struct TensorState;

// How text() writes a tensor.
struct TextOptions {
  int edge_items = 3;    // of a long axis, at either end
  int threshold = 1000;  // tensors of more elements are shortened
  int digits = 4;        // after the point
};

// A handle: copies are the same tensor. Its content never changes.
// A default-constructed one is absent, as an optional operand of an op may be.
class Tensor {
 public:
  Tensor() = default;
  explicit Tensor(std::shared_ptr<const TensorState> state) : state_(std::move(state)) {}

  bool is_absent() const { return state_ == nullptr; }
  // A place in a traced function: it has a shape, but no content.
  bool is_traced() const;

  DType dtype() const;
  Shape shape() const;
  size_t rank() const;
  Dim dim(int axis) const;  // negative: from the end
  int64_t n_elements() const;
  // "f32[3, 10]".
  std::string type_text() const;

  // The content in row-major order; waits for the device. Errors: kUsage of a traced tensor, or where T is another type
  // than the tensor's.
  template <class T>
  std::vector<T> to_vector() const {
    std::vector<T> out(checked_elements(dtype_of<T>));
    read({reinterpret_cast<std::byte*>(out.data()), out.size() * sizeof(T)});
    return out;
  }
  // The same of any plain dtype, widened or narrowed to float32.
  std::vector<float> to_floats() const;
  std::vector<std::byte> to_bytes() const;

  // As numpy prints it, with a line of dtype, shape, range and the number of NaN and infinities.
  std::string text(const TextOptions& options = {}) const;

  Session session() const;

  const std::shared_ptr<const TensorState>& state() const { return state_; }

 private:
  size_t checked_elements(DType wanted) const;
  void read(std::span<std::byte> out) const;

  std::shared_ptr<const TensorState> state_;
};

std::ostream& operator<<(std::ostream& out, const Tensor& tensor);

}  // namespace bp::api
