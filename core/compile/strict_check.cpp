#include "compile/strict_check.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "compile/reference_run.h"
#include "compile/result_check.h"
#include "graph/extent.h"

namespace bp {
namespace {

constexpr std::byte kFenceByte{0xc5};

std::string number(double x) { return std::isnan(x) ? "nan" : fmt::format("{:.9g}", x); }

}  // namespace

Status StrictCheck::before(size_t at) {
  const Step& step = program_.steps_[at];
  operands_.clear();
  if (program_.queue_ != nullptr) BP_TRY_VOID(program_.queue_->sync());
  for (const Step::Fence& fence : step.fences) {
    for (const BufferSpan& side : {fence.before, fence.behind})
      BP_TRY_VOID(write(side, std::vector<std::byte>(side.size_bytes, kFenceByte)));
  }
  return step.kind == Step::Kind::kLaunch ? keep_operands(step) : Status{};
}

Status StrictCheck::after(size_t at) {
  const Step& step = program_.steps_[at];
  if (program_.queue_ != nullptr) {
    auto done = program_.queue_->sync();
    if (!done.has_value()) {
      done.error().where += fmt::format(" node {}", step.name);
      return done;
    }
  }
  BP_TRY_VOID(check_fences(step));
  BP_TRY_VOID(check_operands(step));
  return check_results(step);
}

// A cache that the step only reads is read in place, later: it is the largest of all.
Status StrictCheck::keep_operands(const Step& step) {
  for (const Step::Operand& operand : step.operands) {
    if (operand.value == kNone || operands_.contains(operand.value) || is_made_here(step, operand.value)) continue;
    const Value& value = program_.graph_.value(operand.value);
    if (value.role == Role::kWeight) continue;
    BP_TRY(operands_[operand.value], read(operand, value.role != Role::kKv || is_written(step, operand)));
  }
  return {};
}

Status StrictCheck::check_fences(const Step& step) const {
  for (const Step::Fence& fence : step.fences) {
    for (const BufferSpan& side : {fence.before, fence.behind}) {
      BP_TRY(const Bytes found, read(side, side.size_bytes, false));
      const auto bad = std::ranges::find_if(found.span(), [](std::byte byte) { return byte != kFenceByte; });
      if (bad == found.span().end()) continue;
      const auto at = bad - found.span().begin();
      return side.offset == fence.before.offset
                 ? blame(step, fmt::format("wrote before the start of {} ({} bytes before it)", fence.of,
                                           static_cast<ptrdiff_t>(found.size) - at))
                 : blame(step, fmt::format("wrote behind the end of {} ({} bytes past it)", fence.of, at));
    }
  }
  return {};
}

Status StrictCheck::check_operands(const Step& step) {
  for (const Step::Operand& operand : step.operands) {
    const auto kept = operands_.find(operand.value);
    if (kept == operands_.end() || kept->second.own.empty() || is_written(step, operand)) continue;
    BP_TRY(const Bytes now, read(operand, false));
    const auto [at, before] = std::ranges::mismatch(now.span(), kept->second.span());
    if (at != now.span().end()) {
      const std::string& name = program_.graph_.value(operand.value).name;
      return blame(step, fmt::format("changed its operand {}: byte {} of {}",
                                     name.empty() ? std::to_string(&operand - step.operands.data()) : name,
                                     at - now.span().begin(), now.size));
    }
  }
  return {};
}

Status StrictCheck::check_results(const Step& step) {
  std::map<ValueId, std::vector<std::byte>> wanted;
  if (is_comparable(step)) {
    std::map<ValueId, const std::byte*> operands;
    for (const auto& [id, bytes] : operands_) operands[id] = bytes.data;
    auto made = run_nodes_on_reference(program_.graph_, step.match.nodes, program_.sizes_, operands);
    if (made.has_value()) {
      wanted = std::move(*made);
    } else if (made.error().code != ErrorCode::kUnsupported) {
      made.error().where = fmt::format("{}: {}", where(step), made.error().where);
      return std::unexpected(std::move(made.error()));
    }
  }
  for (const Step::Operand& operand : step.operands) {
    if (operand.value == kNone || !is_made_here(step, operand.value)) continue;
    const auto known = wanted.find(operand.value);
    BP_TRY_VOID(check_result(step, operand, known == wanted.end() ? std::span<const std::byte>() : known->second));
  }
  return {};
}

// `wanted` empty: not known.
Status StrictCheck::check_result(const Step& step, const Step::Operand& result,
                                 std::span<const std::byte> wanted) const {
  const Value& value = program_.graph_.value(result.value);
  BP_TRY(const Bytes found, read(result, false));
  if (wanted.size() == found.size && found.size > 0) {
    const double tolerance = result_tolerance(program_.graph_, step.match.slots);
    const ResultDifference difference = compare_results(value.dtype, found.span(), wanted, before_update(value));
    if (difference.share > (is_plain_float(value.dtype) ? tolerance : 0)) {
      return blame(step, fmt::format("made {} = {}, the reference {} of the same operands (apart by {:.3g} of the "
                                     "largest magnitude, {} allowed)",
                                     place(result.value, difference.at), number(difference.got),
                                     number(difference.want), difference.share, tolerance));
    }
  }
  // A cache begins with whatever was in its memory.
  if (value.updates != kNone || value.role == Role::kKv) return {};
  const size_t nan_at = find_nan(value.dtype, found.span());
  if (nan_at == SIZE_MAX) return {};
  const bool is_known = !wanted.empty();
  return fail(is_known || program_.device_ == nullptr ? ErrorCode::kFailed : ErrorCode::kDevice, where(step),
              fmt::format("{} {} = nan{}", kernel_text(step), place(result.value, nan_at),
                          is_known ? ", and so does the reference" : ""),
              "look at the weights and at what made the operands");
}

// What was in the memory of a value that updates another; empty: not known.
std::span<const std::byte> StrictCheck::before_update(const Value& value) const {
  const auto kept = operands_.find(value.updates);
  if (value.updates == kNone || kept == operands_.end()) return {};
  return kept->second.own;
}

bool StrictCheck::is_made_here(const Step& step, ValueId id) const {
  const NodeId producer = program_.graph_.value(id).producer;
  return producer != kNone && std::ranges::find(step.nodes, producer) != step.nodes.end();
}

bool StrictCheck::is_written(const Step& step, const Step::Operand& operand) const {
  return std::ranges::any_of(step.operands, [&](const Step::Operand& other) {
    if (other.value == kNone || !is_made_here(step, other.value)) return false;
    const BufferSpan& a = operand.memory;
    const BufferSpan& b = other.memory;
    return a.buffer == b.buffer && a.offset < b.offset + b.size_bytes && b.offset < a.offset + a.size_bytes;
  });
}

// A kernel's, whose operands but weights lie as the reference has them.
bool StrictCheck::is_comparable(const Step& step) const {
  if (step.kind != Step::Kind::kLaunch) return false;
  for (size_t slot = 0; slot < step.layouts.size() && slot < step.operands.size(); ++slot) {
    const ValueId id = step.operands[slot].value;
    if (id != kNone && !step.layouts[slot].empty() && program_.graph_.value(id).role != Role::kWeight) return false;
  }
  return true;
}

Result<StrictCheck::Bytes> StrictCheck::read(const BufferSpan& from, uint64_t n_bytes, bool copy) const {
  Bytes bytes;
  bytes.size = n_bytes;
  if (from.host() != nullptr && !copy) {
    bytes.data = from.host();
    return bytes;
  }
  bytes.own.resize(n_bytes);
  bytes.data = bytes.own.data();
  if (n_bytes == 0) return bytes;
  if (from.host() != nullptr) {
    std::memcpy(bytes.own.data(), from.host(), n_bytes);
    return bytes;
  }
  BP_TRY_VOID(program_.queue_->read(from.buffer->span(from.offset, n_bytes), bytes.own));
  return bytes;
}

Result<StrictCheck::Bytes> StrictCheck::read(const Step::Operand& operand, bool copy) const {
  BP_TRY(const uint64_t n_bytes, bytes_at(program_.graph_.value(operand.value), program_.sizes_));
  return read(operand.memory, n_bytes, copy);
}

Status StrictCheck::write(const BufferSpan& to, std::span<const std::byte> bytes) const {
  if (to.host() != nullptr) {
    std::ranges::copy(bytes, to.host());
    return {};
  }
  return program_.queue_->write(to.span(), bytes);
}

std::string StrictCheck::kernel_text(const Step& step) const {
  return step.kernel != nullptr ? fmt::format("kernel {} made", step.kernel->id) : "the reference made";
}

// "logits[2, 17]", the value and the place of element `at` in it.
std::string StrictCheck::place(ValueId id, size_t at) const {
  const Value& value = program_.graph_.value(id);
  std::vector<int64_t> index(value.dims.size());
  auto rest = static_cast<int64_t>(at);
  for (size_t i = index.size(); i-- > 0;) {
    const int64_t size = std::max<int64_t>(size_of(value.dims[i], program_.sizes_), 1);
    index[i] = rest % size;
    rest /= size;
  }
  return fmt::format("{}[{}]", value.name.empty() ? "result" : value.name, fmt::join(index, ", "));
}

std::string StrictCheck::where(const Step& step) const {
  const std::string device = program_.device_ == nullptr ? "reference" : program_.device_->info().id;
  return fmt::format("{} node {}", device, step.name);
}

std::unexpected<Error> StrictCheck::blame(const Step& step, const std::string& what) const {
  const std::string id = step.kernel != nullptr ? step.kernel->id : "reference";
  return fail(ErrorCode::kDevice, where(step), fmt::format("kernel {} {}", id, what),
              fmt::format("leave it out (kernels.deny = [\"{}\"]) and report it to the author of its plugin", id));
}

}  // namespace bp
