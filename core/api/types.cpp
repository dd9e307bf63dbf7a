#include <backplane/api/types.h>

#include "api/raise.h"
#include "base/dtype.h"

namespace bp::api {

static_assert(static_cast<uint16_t>(DType::kMXFP4) == static_cast<uint16_t>(bp::DType::kMXFP4));
static_assert(static_cast<uint16_t>(DType::kFp4E2M1) == static_cast<uint16_t>(bp::DType::kFp4E2M1));
static_assert(static_cast<uint16_t>(DType::kQ6_K) == static_cast<uint16_t>(bp::DType::kQ6_K));

std::string_view name_of(DType dtype) { return dtype_name(static_cast<bp::DType>(dtype)); }

Dim Dim::dynamic(std::string name, int64_t max_size) {
  Dim dim(-1);
  dim.dynamic_ = true;
  dim.name_ = std::move(name);
  dim.max_size_ = max_size;
  return dim;
}

int64_t Dim::size() const {
  if (dynamic_) {
    raise(ErrorCode::kUsage, "dim " + text(), "is known only when the program runs",
          "hand the Dim itself to reshape() or broadcast()");
  }
  return size_;
}

std::string Dim::text() const { return !dynamic_ ? std::to_string(size_) : name_.empty() ? "dyn" : name_; }

std::string text(const Shape& shape) {
  std::string out = "[";
  for (const Dim& dim : shape) out += (out.size() > 1 ? ", " : "") + dim.text();
  return out + "]";
}

}  // namespace bp::api
