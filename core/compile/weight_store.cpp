#include "compile/weight_store.h"

#include <fmt/format.h>

#include <algorithm>

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

}  // namespace

Status WeightStore::load(std::span<const WeightNeed> needs) {
  std::vector<Placement> placements;
  std::vector<WeightNeed> in_place;
  for (const WeightNeed& need : needs) {
    const Key key{need.tensor->bytes.data(), need.layout};
    if (spans_.contains(key)) continue;
    if (need.tensor->owner != nullptr) owners_.push_back(need.tensor->owner);
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
  buffers_.push_back(std::make_unique<Buffer>(Buffer::view(need.tensor->bytes)));
  spans_[{need.tensor->bytes.data(), need.layout}] = {buffers_.back().get(), 0, need.tensor->bytes.size()};
  return {};
}

// Large ones, as the file has them, where their first byte is aligned as kernels may expect.
bool WeightStore::may_stay(const WeightNeed& need) {
  const auto address = reinterpret_cast<uintptr_t>(need.tensor->bytes.data());
  return need.layout.empty() && need.tensor->bytes.size() >= kReadInPlaceBytes && address % BP_FILE_ALIGN == 0;
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
    auto imported =
        Buffer::import(*device_, {first.data(), static_cast<size_t>(last.data() + last.size() - first.data())});
    if (!imported.has_value()) {  // a copy serves as well
      left.insert(left.end(), needs.begin() + static_cast<ptrdiff_t>(begin),
                  needs.begin() + static_cast<ptrdiff_t>(end));
    } else {
      buffers_.push_back(std::make_unique<Buffer>(std::move(imported->buffer)));
      for (size_t i = begin; i < end; ++i) {
        const std::span<const std::byte> bytes = needs[i].tensor->bytes;
        spans_[{bytes.data(), ""}] = {
            buffers_.back().get(), imported->offset + static_cast<uint64_t>(bytes.data() - first.data()), bytes.size()};
      }
    }
    begin = end;
  }
  return left;
}

Result<WeightStore::Placement> WeightStore::measure(const WeightNeed& need) const {
  Placement placement{need, describe(*need.tensor), 0, 0, need.tensor->bytes.size(), 0, kAlign};
  if (need.layout.empty()) return placement;
  placement.layout = device_->intern(need.layout);
  BP_TRY(const LayoutInfo info, device_->layout_info(placement.layout, {&placement.value, 1}));
  placement.size_bytes = info.size_bytes;
  placement.ws_bytes = info.ws_bytes;
  placement.align = std::max(kAlign, info.align);
  return placement;
}

Status WeightStore::load_slab(std::span<Placement> placements) {
  uint64_t total = 0;
  uint64_t workspace_bytes = 0;
  for (Placement& placement : placements) {
    placement.offset = align_up(total, placement.align);
    total = placement.offset + placement.size_bytes;
    workspace_bytes = std::max(workspace_bytes, placement.ws_bytes);
  }
  BP_TRY(Buffer slab, Buffer::create(device_, total, "weights"));
  BP_TRY(const Buffer workspace, Buffer::create(device_, std::max(workspace_bytes, kAlign), "pack"));
  buffers_.push_back(std::make_unique<Buffer>(std::move(slab)));
  const Buffer& memory = *buffers_.back();
  for (const Placement& placement : placements) BP_TRY_VOID(upload(placement, memory, workspace));
  BP_TRY_VOID(queue_->sync());
  for (const Placement& placement : placements) {
    spans_[{placement.need.tensor->bytes.data(), placement.need.layout}] = {&memory, placement.offset,
                                                                            placement.size_bytes};
  }
  size_bytes_ += total;
  return {};
}

Status WeightStore::upload(const Placement& placement, const Buffer& slab, const Buffer& workspace) {
  const HostTensor& tensor = *placement.need.tensor;
  const bp_span source{nullptr, const_cast<std::byte*>(tensor.bytes.data()), 0, tensor.bytes.size()};
  const bp_span target = slab.span(placement.offset, placement.size_bytes);
  if (placement.layout == 0) return queue_->copy({&target, 1}, {&source, 1});
  bp_pack pack{};
  pack.struct_size = sizeof(bp_pack);
  pack.layout = placement.layout;
  pack.n_src = 1;
  pack.value_stride = sizeof(bp_value);
  pack.value = &placement.value;
  pack.src = &source;
  pack.dst = target;
  pack.ws = workspace.span(0, placement.ws_bytes);
  pack.row0 = 0;
  pack.n_rows = 1;
  for (size_t i = 0; i + 1 < tensor.dims.size(); ++i) pack.n_rows *= tensor.dims[i];
  auto status = device_->pack(pack, *queue_);
  if (!status.has_value()) status.error().where += fmt::format(" weight {}", tensor.name);
  return status;
}

BufferSpan WeightStore::find(const HostTensor& tensor, const std::string& layout) const {
  const auto found = spans_.find({tensor.bytes.data(), layout});
  BP_CHECK(found != spans_.end(), "weight {} in layout \"{}\"", tensor.name, layout);
  return found->second;
}

}  // namespace bp
