#include "api/eager_check.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "api/tensor_text.h"
#include "graph/opset.h"

namespace bp::api {
namespace {

// "y[2, 0]": the result's name and the place of element `at` in it.
std::string place(const EagerCall& call, const EagerResult& result, size_t at) {
  const std::vector<ResultDef>& names = call.op->results;
  const std::string name =
      result.index < names.size() ? std::string(names[result.index].name) : fmt::format("result {}", result.index);
  return fmt::format("{}{} of {}", name, dims_text(index_of(at, result.content.dims)),
                     type_text(result.content.dtype, result.content.dims));
}

std::string operands_text(const EagerCall& call, SessionState& session) {
  std::vector<std::string> parts;
  for (size_t i = 0; i < call.operands.size(); ++i) {
    const Content& operand = call.operands[i];
    if (operand.memory == nullptr && operand.weight == nullptr) continue;
    const auto& defs = call.op->operands;
    const std::string name(i < defs.size() ? defs[i].name : defs.back().name);
    std::string part = fmt::format("{} {}", name, type_text(operand.dtype, operand.dims));
    const auto bytes = session.read(operand);
    const auto values = bytes.has_value() ? numbers(operand.dtype, *bytes) : std::unexpected(bytes.error());
    if (values.has_value()) part += " " + range_text(*values);
    parts.push_back(std::move(part));
  }
  return fmt::format("{}", fmt::join(parts, "; "));
}

bool close(double a, double b, const Tolerance& tolerance) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  if (std::isinf(a) || std::isinf(b)) return a == b;
  return std::abs(a - b) <= tolerance.absolute + tolerance.relative * std::abs(b);
}

}  // namespace

Status check_finite(const EagerCall& call, const std::string& device, const EagerResult& result,
                    SessionState& session) {
  if (!is_float(result.content.dtype)) return {};
  const auto values = numbers(result.content.dtype, result.bytes);
  if (!values.has_value()) return {};  // of dtypes that have no NaN to speak of
  const auto bad = std::ranges::find_if_not(*values, [](double x) { return std::isfinite(x); });
  if (bad == values->end()) return {};
  const auto at = static_cast<size_t>(bad - values->begin());
  return fail(bp::ErrorCode::kFailed, call.where(device),
              fmt::format("{} is {} (operands: {})", place(call, result, at), std::isnan(*bad) ? std::abs(*bad) : *bad,
                          operands_text(call, session)),
              "look at the operands, or set trap_nan = false");
}

Status check_close(const EagerCall& call, const std::string& device, const EagerResult& result,
                   const std::string& other, std::span<const std::byte> wanted, const Tolerance& tolerance) {
  if (std::ranges::equal(result.bytes, wanted)) return {};
  const auto a = numbers(result.content.dtype, result.bytes);
  const auto b = numbers(result.content.dtype, wanted);
  if (!a.has_value() || !b.has_value()) {
    return fail(bp::ErrorCode::kFailed, call.where(device),
                fmt::format("result {} has other bytes than on {}", result.index, other));
  }
  size_t first = a->size();
  size_t n_different = 0;
  for (size_t i = a->size(); i-- > 0;) {
    if (close((*a)[i], (*b)[i], tolerance)) continue;
    first = i;
    ++n_different;
  }
  if (n_different == 0) return {};
  return fail(bp::ErrorCode::kFailed, call.where(device),
              fmt::format("{} is {:.9g}, on {} it is {:.9g} ({} of {} elements differ by more than {} + {} * |b|)",
                          place(call, result, first), (*a)[first], other, (*b)[first], n_different, a->size(),
                          tolerance.absolute, tolerance.relative),
              "if it is rounding, set DebugOptions::tolerance");
}

}  // namespace bp::api
