#include <backplane/api/types.h>

#include "api/raise.h"
#include "base/dtype.h"

namespace bp::api {

static_assert(static_cast<uint16_t>(DType::kMXFP4) == static_cast<uint16_t>(bp::DType::kMXFP4));
static_assert(static_cast<uint16_t>(DType::kFp4E2M1) == static_cast<uint16_t>(bp::DType::kFp4E2M1));
static_assert(static_cast<uint16_t>(DType::kQ6_K) == static_cast<uint16_t>(bp::DType::kQ6_K));

std::string_view name_of(DType dtype) { return dtype_name(static_cast<bp::DType>(dtype)); }

Dim Dim::dynamic(std::string name, int64_t max_size) {
  Dim dim(0);
  dim.factor_ = 1;
  dim.name_ = std::move(name);
  dim.max_size_ = max_size;
  return dim;
}

int64_t Dim::size() const {
  if (is_dynamic()) {
    raise(ErrorCode::kUsage, "dim " + text(), "is known only when the program runs",
          "hand the Dim itself to reshape() or broadcast()");
  }
  return size_;
}

std::string Dim::text() const {
  if (!is_dynamic()) return std::to_string(size_);
  std::string out = factor_ == 1 ? "" : std::to_string(factor_) + " * ";
  out += name_.empty() ? "dyn" : name_;
  if (size_ != 0) out += (size_ < 0 ? " - " : " + ") + std::to_string(size_ < 0 ? -size_ : size_);
  return out;
}

namespace {

constexpr int64_t kLargest = int64_t{1} << 56;  // as the graph has it

void check_derived(const Dim& dim, bool fits) {
  if (!fits) raise(ErrorCode::kUsage, "dim " + dim.text(), "no size follows from it like that", "give smaller numbers");
  if (dim.is_dynamic() && dim.name().empty())
    raise(ErrorCode::kUsage, "dim dyn", "has no name for others to follow from", "give it one: dyn(\"rows\")");
}

bool fits(int64_t number) { return number > -kLargest && number < kLargest; }

}  // namespace

Dim operator+(const Dim& dim, int64_t summand) {
  check_derived(dim, fits(summand) && fits(dim.size_));
  Dim out = dim;
  out.size_ += summand;
  return out;
}

Dim operator*(const Dim& dim, int64_t factor) {
  Dim out = dim;
  const bool overflow = __builtin_mul_overflow(dim.size_, factor, &out.size_) ||
                        __builtin_mul_overflow(dim.factor_, factor, &out.factor_);
  check_derived(dim, factor >= 1 && !overflow && fits(out.size_) && fits(out.factor_));
  return out;
}

std::string text(const Shape& shape) {
  std::string out = "[";
  for (const Dim& dim : shape) out += (out.size() > 1 ? ", " : "") + dim.text();
  return out + "]";
}

}  // namespace bp::api
