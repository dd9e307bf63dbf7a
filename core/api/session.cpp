#include <backplane/api/session.h>
#include <fmt/format.h>

#include "api/raise.h"
#include "api/session_state.h"
#include "api/tensor_state.h"

namespace bp::api {

Session::Session(const DeviceOptions& device, const DebugOptions& debug)
    : state_(unwrap(SessionState::create(device, debug))) {}

Tensor Session::make(std::span<const std::byte> bytes, const Shape& shape, DType dtype, bool weight,
                     const std::string& name) const {
  const std::string where = !weight ? "tensor" : name.empty() ? "weight" : "weight " + name;
  const auto known = dtype_of_number(static_cast<int64_t>(dtype));
  if (!known.has_value() || *known == bp::DType::kInvalid) {
    raise(ErrorCode::kUsage, where, fmt::format("{} is no dtype", static_cast<int>(dtype)));
  }
  if (!weight && is_block(*known)) {
    raise(ErrorCode::kUsage, where, fmt::format("{} is a format of weights", dtype_name(*known)), "make it a weight()");
  }
  std::vector<int64_t> dims = unwrap(sizes_of(shape, where));
  const uint64_t expected = unwrap(content_bytes(*known, dims, where));
  if (bytes.size() != expected) {
    raise(ErrorCode::kUsage, where,
          fmt::format("{} needs {} bytes, {} are given", type_text(*known, dims), expected, bytes.size()),
          "give as many values as the shape has elements");
  }
  if (weight) return make_tensor(state_, state_->make_weight(bytes, std::move(dims), *known, name));
  return make_tensor(state_, unwrap(state_->make(bytes, std::move(dims), *known)));
}

Tensor Session::take(const Tensor& tensor) const {
  const Session owner = tensor.session();  // throws of what has no content
  if (owner == *this) return tensor;
  return make_tensor(state_, unwrap(state_->take(tensor.state()->content, *owner.state())));
}

const std::string& Session::device() const { return state_->device(); }
const std::string& Session::last_kernel() const { return state_->last_kernel(); }

SessionMemory Session::memory() const {
  const SlabPool::Usage usage = state_->pool().usage();
  return {usage.used_bytes, usage.slab_bytes, usage.n_slabs};
}

}  // namespace bp::api
