// Dynamic execution: each op runs on the session's device when it is called. Part of <backplane/backplane.h>.
#pragma once

#include <backplane/api/device.h>
#include <backplane/api/tensor.h>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace bp::api {

class SessionState;

// What the tensors of a session take on its device, and the places through which their ops are called. Weights that
// kernels keep are not among it.
struct SessionMemory {
  uint64_t used_bytes = 0;  // each piece rounded up to 256
  uint64_t slab_bytes = 0;  // asked of the device, in slabs of 4 MiB or more
  int n_slabs = 0;
};

// Results agree where |a - b| <= absolute + relative * |b|.
struct Tolerance {
  double absolute = 1e-5;
  double relative = 1e-4;
};

struct DebugOptions {
  // A second device, which runs every op on the same operands; the first result that differs by more than
  // the tolerance throws an Error (kFailed) with op, scope, index and both values. Empty: none.
  std::string compare_with = {};
  Tolerance tolerance = {};
  // The first NaN or infinity that an op makes throws an Error (kFailed) with op, scope, index and operands.
  bool trap_nan = false;
};

// A handle on a device, its queue and the weights there; lives as long as it or any of its tensors or programs.
class Session {
 public:
  // Errors: kDevice where the device is missing or fails.
  explicit Session(const DeviceOptions& device = {}, const DebugOptions& debug = {});
  explicit Session(std::shared_ptr<SessionState> state) : state_(std::move(state)) {}

  // A tensor with this content, row-major. Errors: kUsage where the shape is dynamic or has another number of elements.
  template <class T>
  Tensor tensor(const std::vector<T>& values, const Shape& shape) const {
    return make(bytes_of(values), shape, dtype_of<T>, false);
  }
  template <class T>
  Tensor tensor(std::initializer_list<T> values, const Shape& shape) const {  // tensor({1.5f, 2.5f}, {2})
    return tensor(std::vector<T>(values), shape);
  }
  Tensor tensor(const std::vector<bool>& values, const Shape& shape) const {
    const std::vector<uint8_t> bytes(values.begin(), values.end());
    return make(std::as_bytes(std::span(bytes)), shape, boolean, false);
  }
  Tensor tensor(std::span<const std::byte> bytes, const Shape& shape, DType dtype) const {
    return make(bytes, shape, dtype, false);
  }
  Tensor scalar(float value) const { return tensor(std::vector<float>{value}, {}); }

  // The same as a constant: devices may keep it packed as their kernels like it best, for as long as the session lives.
  // The second operand of matmul should be one. An op on weights alone gives a weight. A name shows in print() and in
  // errors.
  template <class T>
  Tensor weight(const std::vector<T>& values, const Shape& shape, const std::string& name = {}) const {
    return make(bytes_of(values), shape, dtype_of<T>, true, name);
  }
  template <class T>
  Tensor weight(std::initializer_list<T> values, const Shape& shape, const std::string& name = {}) const {
    return weight(std::vector<T>(values), shape, name);
  }
  Tensor weight(const std::vector<bool>& values, const Shape& shape, const std::string& name = {}) const {
    const std::vector<uint8_t> bytes(values.begin(), values.end());
    return make(std::as_bytes(std::span(bytes)), shape, boolean, true, name);
  }
  Tensor weight(std::span<const std::byte> bytes, const Shape& shape, DType dtype, const std::string& name = {}) const {
    return make(bytes, shape, dtype, true, name);
  }

  // A copy of another session's tensor; this session's own is returned as it is.
  Tensor take(const Tensor& tensor) const;

  const std::string& device() const;  // "cpu:0", "reference"
  // The kernel that ran the last op: a row id, "view" or "reference".
  const std::string& last_kernel() const;
  SessionMemory memory() const;

  const std::shared_ptr<SessionState>& state() const { return state_; }
  friend bool operator==(const Session& a, const Session& b) { return a.state_ == b.state_; }

 private:
  template <class T>
  static std::span<const std::byte> bytes_of(const std::vector<T>& values) {
    static_assert(dtype_of<T> != DType::kInvalid, "no dtype holds this type");
    return std::as_bytes(std::span(values));
  }
  Tensor make(std::span<const std::byte> bytes, const Shape& shape, DType dtype, bool weight,
              const std::string& name = {}) const;

  std::shared_ptr<SessionState> state_;
};

}  // namespace bp::api
