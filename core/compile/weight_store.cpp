#include "compile/weight_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/check.h"

namespace bp {
namespace {

constexpr uint64_t kAlign = 64;
constexpr uintptr_t kPage = 4096;
constexpr uint64_t kReadInPlaceBytes = uint64_t{1}
                                       << 20;  // below this a copy costs nothing, and keeps small weights together

uint64_t align_up(uint64_t value, uint64_t align) { return (value + align - 1) / align * align; }

bp_value describe(const HostTensor& tensor) {
  bp_value value{};
  value.struct_size = sizeof(bp_value);
  value.dtype = static_cast<uint16_t>(tensor.dtype);
  value.role = BP_ROLE_WEIGHT;
  value.updates = -1;
  value.rank = static_cast<uint32_t>(tensor.dims.size());
  int64_t stride = is_block(tensor.dtype) ? 0 : dtype_info(tensor.dtype).block_bytes;
  for (size_t i = tensor.dims.size(); i-- > 0;) {
    value.dim[i] = tensor.dims[i];
    value.stride[i] = stride;
    stride *= tensor.dims[i];
  }
  return value;
}

// The tensors whose bytes make up this one.
std::span<const HostTensor> parts_of(const HostTensor& tensor) {
  return tensor.parts.empty() ? std::span(&tensor, 1) : std::span<const HostTensor>(tensor.parts);
}

uint64_t bytes_of(const HostTensor& tensor) {
  uint64_t bytes = 0;
  for (const HostTensor& part : parts_of(tensor)) bytes += part.bytes.size();
  return bytes;
}

int64_t rows_of(const HostTensor& tensor) {
  int64_t rows = 1;
  for (size_t i = 0; i + 1 < tensor.dims.size(); ++i) rows *= tensor.dims[i];
  return rows;
}

bp_span host_span(const HostTensor& tensor) {
  return {nullptr, const_cast<std::byte*>(tensor.bytes.data()), 0, tensor.bytes.size()};
}

}  // namespace

// Bytes tell tensors apart; a joined one begins as its first part does, and has a mark that says what follows.
WeightStore::Key WeightStore::key_of(const HostTensor& tensor, const std::string& layout) {
  if (tensor.parts.empty()) return {tensor.bytes.data(), layout};
  Key key{tensor.parts.front().bytes.data(), fmt::format("{}+{}", layout, tensor.parts.size())};
  for (const HostTensor& part : std::span(tensor.parts).subspan(1))
    key.second += fmt::format(":{}", fmt::ptr(part.bytes.data()));
  return key;
}

void WeightStore::keep_owners(const HostTensor& tensor) {
  for (const HostTensor& part : parts_of(tensor)) {
    if (part.owner != nullptr) owners_.push_back(part.owner);
  }
}

Status WeightStore::check(const WeightNeed& need) const {
  if (device_ == nullptr || need.layout.empty()) return {};
  const auto placement = measure(need);
  return placement.has_value() ? Status{} : std::unexpected(placement.error());
}

std::vector<std::string> WeightStore::layouts_of(const HostTensor& tensor) const {
  std::vector<std::string> layouts;
  const Key first = key_of(tensor, "");
  for (auto it = spans_.lower_bound({first.first, ""}); it != spans_.end() && it->first.first == first.first; ++it) {
    const std::string& text = it->first.second;
    if (!text.ends_with(first.second) || (first.second.empty() && text.find('+') != std::string::npos)) continue;
    layouts.push_back(text.substr(0, text.size() - first.second.size()));
  }
  return layouts;
}

Status WeightStore::load(std::span<const WeightNeed> needs) {
  Mark mark{buffers_.size(), owners_.size(), size_bytes_, in_place_bytes_, {}};
  Status status = add(needs, mark.keys);
  if (!status.has_value()) take_back(mark);
  return status;
}

void WeightStore::take_back(const Mark& mark) {
  if (queue_ != nullptr) static_cast<void>(queue_->sync());  // nothing is freed that a copy still writes
  for (const Key& key : mark.keys) spans_.erase(key);
  buffers_.resize(mark.n_buffers);
  owners_.resize(mark.n_owners);
  size_bytes_ = mark.size_bytes;
  in_place_bytes_ = mark.in_place_bytes;
}

// `keys`: of what was not there before.
Status WeightStore::add(std::span<const WeightNeed> needs, std::vector<Key>& keys) {
  std::vector<Placement> placements;
  std::vector<WeightNeed> in_place;
  for (const WeightNeed& need : needs) {
    const Key key = key_of(*need.tensor, need.layout);
    if (spans_.contains(key)) continue;
    keys.push_back(key);
    keep_owners(*need.tensor);
    if (device_ == nullptr) {
      BP_TRY_VOID(read_on_host(need));
      continue;
    }
    spans_[key] = {};  // known from here on
    if (may_stay(need)) {
      in_place.push_back(need);
      continue;
    }
    BP_TRY(Placement placement, measure(need));
    placements.push_back(std::move(placement));
  }
  for (const WeightNeed& need : read_in_place(std::move(in_place))) {
    BP_TRY(Placement placement, measure(need));
    placements.push_back(std::move(placement));
  }
  return placements.empty() ? Status{} : load_slab(placements);
}

Status WeightStore::read_on_host(const WeightNeed& need) {
  const uint64_t bytes = bytes_of(*need.tensor);
  if (need.tensor->parts.empty()) {
    buffers_.push_back(std::make_unique<Buffer>(Buffer::view(need.tensor->bytes)));
    in_place_bytes_ += bytes;
  } else {
    BP_TRY(Buffer joined, source_.create(bytes, "weights"));
    if (!source_.rehearse) {
      std::byte* to = joined.host();
      for (const HostTensor& part : need.tensor->parts) to = std::ranges::copy(part.bytes, to).out;
    }
    buffers_.push_back(std::make_unique<Buffer>(std::move(joined)));
    size_bytes_ += bytes;
  }
  spans_[key_of(*need.tensor, need.layout)] = {buffers_.back().get(), 0, bytes};
  return {};
}

// Large ones, as the file has them, where their first byte is aligned as kernels may expect.
bool WeightStore::may_stay(const WeightNeed& need) {
  const auto address = reinterpret_cast<uintptr_t>(need.tensor->bytes.data());
  return need.tensor->parts.empty() && need.layout.empty() && need.tensor->bytes.size() >= kReadInPlaceBytes &&
         address % BP_FILE_ALIGN == 0;
}

// No page may be imported twice, so tensors that share one are imported together. Gives back what must be copied after
// all.
std::vector<WeightNeed> WeightStore::read_in_place(std::vector<WeightNeed> needs) {
  std::vector<WeightNeed> left;
  std::ranges::sort(needs, {}, [](const WeightNeed& need) { return need.tensor->bytes.data(); });
  const auto first_page = [](const WeightNeed& need) {
    return reinterpret_cast<uintptr_t>(need.tensor->bytes.data()) / kPage;
  };
  const auto last_page = [](const WeightNeed& need) {
    return (reinterpret_cast<uintptr_t>(need.tensor->bytes.data()) + need.tensor->bytes.size() - 1) / kPage;
  };
  for (size_t begin = 0; begin < needs.size();) {
    size_t end = begin + 1;
    while (end < needs.size() && first_page(needs[end]) <= last_page(needs[end - 1])) ++end;
    const std::span<const std::byte> first = needs[begin].tensor->bytes;
    const std::span<const std::byte> last = needs[end - 1].tensor->bytes;
    const std::span<const std::byte> all{first.data(), static_cast<size_t>(last.data() + last.size() - first.data())};
    uint64_t offset = 0;
    const auto imported = import(all, offset);
    if (!imported.has_value()) {  // a copy serves as well
      left.insert(left.end(), needs.begin() + static_cast<ptrdiff_t>(begin),
                  needs.begin() + static_cast<ptrdiff_t>(end));
    } else {
      for (size_t i = begin; i < end; ++i) {
        const std::span<const std::byte> bytes = needs[i].tensor->bytes;
        spans_[{bytes.data(), ""}] = {*imported, offset + static_cast<uint64_t>(bytes.data() - first.data()),
                                      bytes.size()};
        in_place_bytes_ += bytes.size();
      }
    }
    begin = end;
  }
  return left;
}

Result<const Buffer*> WeightStore::import(std::span<const std::byte> bytes, uint64_t& offset) {
  if (source_.rehearse) {
    BP_TRY_VOID(Buffer::check_import(*device_, bytes));
    buffers_.push_back(std::make_unique<Buffer>(Buffer::planned(bytes.size())));
  } else {
    BP_TRY(auto imported, Buffer::import(*device_, bytes));
    offset = imported.offset;
    buffers_.push_back(std::make_unique<Buffer>(std::move(imported.buffer)));
  }
  return buffers_.back().get();
}

Result<WeightStore::Placement> WeightStore::measure(const WeightNeed& need) const {
  Placement placement{need, {}, 0, 0, bytes_of(*need.tensor), 0, kAlign};
  for (const HostTensor& part : parts_of(*need.tensor)) placement.sources.push_back(describe(part));
  if (need.layout.empty()) return placement;
  placement.layout = device_->intern(need.layout);
  BP_TRY(const LayoutInfo info, device_->layout_info(placement.layout, placement.sources));
  int64_t row = 0;
  for (const HostTensor& part : parts_of(*need.tensor)) {
    if (row % info.row_multiple != 0) {
      return fail(ErrorCode::kUnsupported, part.name,
                  fmt::format("begins at row {} of a joined weight, {} takes multiples of {}", row, need.layout,
                              info.row_multiple));
    }
    row += rows_of(part);
  }
  placement.size_bytes = info.size_bytes;
  placement.ws_bytes = info.ws_bytes;
  placement.align = std::max(kAlign, info.align);
  placement.row_multiple = info.row_multiple;
  placement.from_device = info.from_device;
  placement.from_host = info.from_host || !info.from_device;
  return placement;
}

Status WeightStore::load_slab(std::span<Placement> placements) {
  uint64_t total = 0;
  for (Placement& placement : placements) {
    placement.offset = align_up(total, placement.align);
    total = placement.offset + placement.size_bytes;
  }
  BP_TRY(Buffer slab, source_.create(std::max<uint64_t>(total, 1), "weights"));
  buffers_.push_back(std::make_unique<Buffer>(std::move(slab)));
  const Buffer& memory = *buffers_.back();
  BP_TRY_VOID(fill(placements, memory));
  for (const Placement& placement : placements) {
    spans_[key_of(*placement.need.tensor, placement.need.layout)] = {&memory, placement.offset, placement.size_bytes};
  }
  size_bytes_ += total;
  return {};
}

// The ring that these are loaded through; `pays`: all that can, not only what nothing else brings onto the device.
WeightUpload::Ring WeightStore::choose_ring(std::span<const Placement> placements, bool& pays) const {
  uint64_t total = 0, needed = 0;  // what could go through a ring, what must
  uint64_t run = 0, needed_run = 0;
  for (const Placement& placement : placements) {
    const bool is_packed = placement.layout != 0;
    if (is_packed && !placement.from_device) continue;
    uint64_t bytes = 0, longest = 0;
    for (const HostTensor& part : parts_of(*placement.need.tensor)) {
      bytes += align_up(part.bytes.size(), BP_ARG_ALIGN);
      const uint64_t row = part.bytes.size() / static_cast<uint64_t>(std::max<int64_t>(rows_of(part), 1));
      const auto rows = static_cast<uint64_t>(std::min(rows_of(part), placement.row_multiple));
      if (is_packed) longest = std::max(longest, row * rows);
    }
    total += bytes;
    run = std::max(run, longest);
    if (is_packed && !placement.from_host) {
      needed += bytes;
      needed_run = std::max(needed_run, longest);
    }
  }
  pays = total >= limits_.least_bytes && WeightUpload::pays(*device_);
  if (pays) return WeightUpload::ring_for(total, run, limits_);
  return needed > 0 ? WeightUpload::ring_for(needed, needed_run, limits_) : WeightUpload::Ring{};
}

Status WeightStore::fill(std::span<const Placement> placements, const Buffer& slab) {
  bool pays = false;
  const WeightUpload::Ring ring = choose_ring(placements, pays);
  loading_bytes_ = std::max(loading_bytes_, ring.size_bytes());
  if (source_.rehearse) return {};
  uint64_t workspace_bytes = kAlign;
  for (const Placement& placement : placements) workspace_bytes = std::max(workspace_bytes, placement.ws_bytes);
  BP_TRY(const Buffer workspace, source_.create(workspace_bytes, "pack"));
  std::optional<WeightUpload> upload;
  if (ring.piece_bytes > 0) {
    auto made = WeightUpload::create(*device_, *queue_, ring);
    const bool is_needed =
        std::ranges::any_of(placements, [](const Placement& p) { return p.layout != 0 && !p.from_host; });
    if (made.has_value()) {
      upload.emplace(std::move(*made));
    } else if (is_needed || made.error().code != ErrorCode::kOutOfMemory) {
      return std::unexpected(std::move(made.error()));
    } else {
      pays = false;  // slower, but it loads
    }
  }
  const auto bring = [&]() -> Status {
    for (const Placement& placement : placements) {
      if (placement.layout == 0) {
        BP_TRY_VOID(copy(placement, slab, pays ? &*upload : nullptr));
        continue;
      }
      const bool staged = !placement.from_host || (pays && placement.from_device);
      BP_TRY_VOID(pack(placement, slab.span(placement.offset, placement.size_bytes),
                       workspace.span(0, placement.ws_bytes), staged ? &*upload : nullptr));
    }
    return upload ? upload->finish() : queue_->sync();
  };
  Status status = bring();
  // What was enqueued before may still use the workspace.
  if (!status.has_value()) static_cast<void>(queue_->sync());
  return status;
}

Status WeightStore::copy(const Placement& placement, const Buffer& slab, WeightUpload* upload) {
  uint64_t offset = placement.offset;
  for (const HostTensor& part : parts_of(*placement.need.tensor)) {
    if (part.bytes.empty()) continue;
    const bp_span source = host_span(part);
    const bp_span target = slab.span(offset, part.bytes.size());
    BP_TRY_VOID(upload != nullptr ? upload->copy(part.bytes, target) : queue_->copy({&target, 1}, {&source, 1}));
    offset += part.bytes.size();
  }
  return {};
}

// A slice or more for each source.
Status WeightStore::pack(const Placement& placement, const bp_span& target, const bp_span& workspace,
                         WeightUpload* upload) {
  const auto parts = parts_of(*placement.need.tensor);
  std::vector<bp_span> sources(parts.size());
  bp_pack job{};
  job.struct_size = sizeof(bp_pack);
  job.layout = placement.layout;
  job.n_src = static_cast<uint32_t>(parts.size());
  job.value_stride = sizeof(bp_value);
  job.value = placement.sources.data();
  job.src = sources.data();
  job.dst = target;
  job.ws = workspace;
  for (size_t i = 0; i < parts.size(); ++i) {
    const int64_t n_rows = rows_of(parts[i]);
    Status status;
    if (upload != nullptr) {
      status = upload->pack(job, {parts[i].bytes, static_cast<uint32_t>(i), job.row0, n_rows, placement.row_multiple});
    } else {
      sources[i] = host_span(parts[i]);
      job.src_row0 = job.row0;
      job.n_rows = n_rows;
      status = device_->pack(job, *queue_);
      sources[i] = {};
    }
    if (!status.has_value()) {
      status.error().where += fmt::format(" weight {}", placement.need.tensor->name);
      return status;
    }
    job.row0 += n_rows;
  }
  return {};
}

BufferSpan WeightStore::find(const HostTensor& tensor, const std::string& layout) const {
  const auto found = spans_.find(key_of(tensor, layout));
  BP_CHECK(found != spans_.end(), "weight {} in layout \"{}\"", tensor.name, layout);
  return found->second;
}

}  // namespace bp
