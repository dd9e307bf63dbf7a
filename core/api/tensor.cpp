#include <backplane/api/session.h>
#include <backplane/api/tensor.h>
#include <fmt/format.h>

#include <ostream>

#include "api/raise.h"
#include "api/session_state.h"
#include "api/tensor_state.h"
#include "api/tensor_text.h"

namespace bp::api {
namespace {

const TensorState& present(const std::shared_ptr<const TensorState>& state) {
  if (state == nullptr) raise(ErrorCode::kUsage, "tensor", "is absent", "give it a value before it is used");
  return *state;
}

const TensorState& with_content(const std::shared_ptr<const TensorState>& state) {
  const TensorState& known = present(state);
  if (known.trace != nullptr) {
    raise(ErrorCode::kUsage, "tensor " + std::string(dtype_name(known.dtype)) + text(known.shape),
          "has no content while its function is traced", "read results of a session or of a program's run");
  }
  return known;
}

}  // namespace

bool Tensor::is_traced() const { return present(state_).trace != nullptr; }
DType Tensor::dtype() const { return static_cast<DType>(present(state_).dtype); }
Shape Tensor::shape() const { return present(state_).shape; }
size_t Tensor::rank() const { return present(state_).shape.size(); }

Dim Tensor::dim(int axis) const {
  const auto n = static_cast<int>(rank());
  if (axis < -n || axis >= n) {
    raise(ErrorCode::kUsage, "tensor " + type_text(), fmt::format("has no axis {}", axis),
          n == 0 ? "it has none" : fmt::format("its axes are 0 to {}", n - 1));
  }
  return state_->shape[static_cast<size_t>(axis < 0 ? axis + n : axis)];
}

int64_t Tensor::n_elements() const {
  int64_t n = 1;
  for (const Dim& dim : present(state_).shape) n *= dim.size();
  return n;
}

std::string Tensor::type_text() const {
  return std::string(dtype_name(present(state_).dtype)) + api::text(state_->shape);
}

size_t Tensor::checked_elements(DType wanted) const {
  const TensorState& state = with_content(state_);
  const bool same =
      state.dtype == static_cast<bp::DType>(wanted) || (state.dtype == bp::DType::kBool && wanted == DType::kU8);
  if (!same || wanted == DType::kInvalid) {
    raise(ErrorCode::kUsage, "tensor " + type_text(), fmt::format("is not read as {}", name_of(wanted)),
          "cast it, or read it by to_floats() or to_bytes()");
  }
  return static_cast<size_t>(n_elements());
}

void Tensor::read(std::span<std::byte> out) const { unwrap(state_->session->read(state_->content, out)); }

std::vector<std::byte> Tensor::to_bytes() const {
  const TensorState& state = with_content(state_);
  return unwrap(state.session->read(state.content));
}

std::vector<float> Tensor::to_floats() const {
  const auto values = unwrap(numbers(with_content(state_).dtype, to_bytes()));
  std::vector<float> out(values.size());
  for (size_t i = 0; i < out.size(); ++i) out[i] = static_cast<float>(values[i]);
  return out;
}

std::string Tensor::text(const TextOptions& options) const {
  if (state_ == nullptr) return "absent";
  if (is_traced()) return "traced " + type_text();
  const TensorState& state = *state_;
  std::string head = fmt::format("{} on {}", type_text(), state.session->device());
  const auto values = numbers(state.dtype, to_bytes());
  if (!values.has_value()) return head;
  const bool integers = is_integer(state.dtype) || state.dtype == bp::DType::kBool;
  return fmt::format("{}  {}\n{}", head, range_text(*values),
                     values_text(*values, state.content.dims, integers, options));
}

Session Tensor::session() const { return Session(with_content(state_).session); }

std::ostream& operator<<(std::ostream& out, const Tensor& tensor) { return out << tensor.text(); }

}  // namespace bp::api
