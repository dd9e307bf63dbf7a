#include "plugin_host/device.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <unordered_set>

#include "base/check.h"
#include "plugin_host/contained_text.h"
#include "plugin_host/intern.h"
#include "plugin_host/loaded_plugin.h"
#include "plugin_host/table_check.h"

namespace bp {
namespace {

constexpr uint32_t kMaxHeaps = 64;
constexpr uint64_t kPageBytes = 4096;
constexpr uint32_t kUsualWorkspaces = 8;
constexpr uint32_t kMaxWorkspaces = 256;

Error bad_table(const LoadedPlugin& plugin, const std::string& device, const Refusal& refusal) {
  return Error{ErrorCode::kDevice, device, fmt::format("plugin {}: {}", plugin.name(), refusal.reason), refusal.fix};
}

// What query() and plan() fill in, with room for so many workspaces.
struct RawPlanInfo {
  bp_plan_info info{};
  std::vector<bp_ws_need> ws;

  explicit RawPlanInfo(uint32_t n_ws) : ws(n_ws) {
    for (bp_ws_need& need : ws) need.struct_size = sizeof need;
    info.struct_size = sizeof info;
    info.ws = ws.data();
    info.ws_cap = n_ws;
    info.ws_stride = sizeof(bp_ws_need);
  }
  bool too_small() const { return info.n_ws > ws.size(); }
};

Result<PlanInfo> read_plan_info(const std::string& where, const bp_kernel& kernel, const RawPlanInfo& raw) {
  if (raw.too_small()) {
    return fail(ErrorCode::kDevice, where,
                fmt::format("kernel {} wants {} workspaces, then more", kernel.id, raw.info.n_ws));
  }
  PlanInfo info{.workspaces = {raw.ws.begin(), raw.ws.begin() + raw.info.n_ws},
                .internal_bytes = raw.info.internal_bytes};
  for (bp_ws_need& need : info.workspaces) {
    need.align = std::max<uint64_t>(need.align, 1);
    if ((need.align & (need.align - 1)) != 0 || need.kind > BP_WS_SYMMETRIC) {
      return fail(
          ErrorCode::kDevice, where,
          fmt::format("kernel {} wants a workspace of kind {}, aligned to {}", kernel.id, need.kind, need.align));
    }
  }
  if (std::isfinite(raw.info.est_us)) info.est_us = std::max(raw.info.est_us, 0.0);
  info.numerics = printable(raw.info.numerics, sizeof raw.info.numerics);
  if (info.numerics.empty() && kernel.numerics != nullptr) info.numerics = kernel.numerics;
  return info;
}

const int64_t* config_of(const bp_kernel& kernel, std::span<const int64_t> config) {
  BP_CHECK(config.empty() || config.size() == kernel.n_tunable, "{}: {} values for {} tunables", kernel.id,
           config.size(), kernel.n_tunable);
  return config.empty() ? nullptr : config.data();
}

}  // namespace

Device::Table::~Table() {
  if (handle != nullptr) plugin->api().close(handle);
}

Device::~Device() {
  // Attached plugins let go of the device before its owner closes it.
  while (!tables_.empty()) tables_.pop_back();
}

Result<std::unique_ptr<Device>> Device::open(std::shared_ptr<const LoadedPlugin> owner, const DeviceInfo& info) {
  std::unique_ptr<Device> device(new Device(info));
  auto table = std::make_unique<Table>();
  table->plugin = std::move(owner);
  const bp_device_api* api = nullptr;
  BP_TRY_VOID(device->fault_.call(
      "open", [&](bp_err* err) { return table->plugin->api().open(info.id.c_str(), &table->handle, &api, err); }));
  if (table->handle == nullptr) return fail(ErrorCode::kDevice, info.id, "open gave no device");
  auto checked = check_device_api(api, false);
  if (!checked) return std::unexpected(bad_table(*table->plugin, info.id, checked.error()));
  table->api = *checked;
  device->tables_.push_back(std::move(table));
  BP_TRY_VOID(device->read_heaps());
  BP_TRY_VOID(device->add_kernels(*device->tables_.front()));
  return device;
}

Status Device::attach(std::shared_ptr<const LoadedPlugin> plugin) {
  auto table = std::make_unique<Table>();
  table->plugin = std::move(plugin);
  const bp_device_api* their_api = nullptr;
  BP_TRY_VOID(fault_.call("attach", [&](bp_err* err) {
    return table->plugin->api().attach(handle(), &api(), &table->handle, &their_api, err);
  }));
  auto checked = check_device_api(their_api, true);
  if (!checked) return std::unexpected(bad_table(*table->plugin, info_.id, checked.error()));
  table->api = *checked;
  BP_TRY_VOID(add_kernels(*table));
  tables_.push_back(std::move(table));
  return {};
}

Result<std::vector<bp_heap>> Device::ask_heaps() {
  std::vector<bp_heap> heaps(kMaxHeaps);
  for (bp_heap& heap : heaps) heap.struct_size = sizeof heap;
  uint32_t n = 0;
  BP_TRY_VOID(fault_.call(
      "heaps", [&](bp_err* err) { return api().heaps(handle(), heaps.data(), sizeof(bp_heap), kMaxHeaps, &n, err); }));
  heaps.resize(std::min(n, kMaxHeaps));
  return heaps;
}

Status Device::read_heaps() {
  BP_TRY(heaps_, ask_heaps());
  if (auto checked = check_heaps(heaps_); !checked) {
    heaps_.clear();
    return std::unexpected(bad_table(*tables_.front()->plugin, info_.id, checked.error()));
  }
  return {};
}

Result<uint64_t> Device::free_bytes() {
  BP_TRY(const std::vector<bp_heap> heaps, ask_heaps());
  const auto heap = std::ranges::find_if(heaps, [](const bp_heap& h) { return (h.flags & BP_HEAP_DEVICE) != 0; });
  return heap == heaps.end() ? 0 : heap->free_now;
}

bool Device::uses_host_memory() const {
  constexpr uint32_t kHost = BP_HEAP_DEVICE | BP_HEAP_HOST_VISIBLE | BP_HEAP_PINNED;
  return std::ranges::any_of(heaps_, [](const bp_heap& heap) { return (heap.flags & kHost) == kHost; });
}

Status Device::add_kernels(const Table& table) {
  if (table.api.kernels == nullptr) return {};
  const bp_kernel* const* kernels = nullptr;
  uint32_t n = 0;
  BP_TRY_VOID(fault_.call("kernels", [&](bp_err* err) { return table.api.kernels(table.handle, &kernels, &n, err); }));
  if (auto checked = check_kernels(kernels, n); !checked) {
    return std::unexpected(bad_table(*table.plugin, info_.id, checked.error()));
  }
  std::unordered_set<std::string_view> ids;
  for (const bp_kernel* kernel : kernels_) ids.insert(kernel->id);
  const std::span<const bp_kernel* const> added(kernels, n);
  for (const bp_kernel* kernel : added) {
    if (ids.contains(kernel->id)) {
      return fail(
          ErrorCode::kDevice, info_.id,
          fmt::format("plugin {}: kernel id \"{}\" is taken by another plugin", table.plugin->name(), kernel->id));
    }
  }
  kernels_.insert(kernels_.end(), added.begin(), added.end());
  for (const bp_kernel* kernel : added) table_of_.emplace(kernel, &table);
  return {};
}

const Device::Table& Device::table_of(const bp_kernel& kernel) const {
  const auto it = table_of_.find(&kernel);
  BP_CHECK(it != table_of_.end(), "kernel {} is not one of {}", kernel.id, info_.id);
  return *it->second;
}

const std::string& Device::plugin_of(const bp_kernel& kernel) const { return table_of(kernel).plugin->name(); }

const std::string& Device::plugin_file_of(const bp_kernel& kernel) const { return table_of(kernel).plugin->code(); }

Result<uint32_t> Device::find_heap(AllocKind kind) const {
  const int preferred = kind == AllocKind::kDevice   ? BP_HEAP_DEVICE
                        : kind == AllocKind::kPinned ? BP_HEAP_PINNED
                                                     : BP_HEAP_HOST_VISIBLE;
  // A device whose memory the host sees has no need of pinned memory beside it.
  const int second = kind == AllocKind::kPinned ? BP_HEAP_HOST_VISIBLE : preferred;
  for (const int flag : {preferred, second}) {
    const auto it = std::ranges::find_if(
        heaps_, [&](const bp_heap& heap) { return (heap.flags & static_cast<uint32_t>(flag)) != 0; });
    if (it != heaps_.end()) return static_cast<uint32_t>(it - heaps_.begin());
  }
  return fail(ErrorCode::kUnsupported, info_.id, fmt::format("has no heap with flags {:#x}", preferred));
}

Result<Memory> Device::alloc(uint64_t bytes, const char* name, AllocKind kind) {
  BP_CHECK(bytes > 0, "{}", name);
  BP_TRY(const uint32_t heap, find_heap(kind));
  const bp_alloc request{sizeof(bp_alloc), heap, 0, 0, bytes, name};
  bp_mem* mem = nullptr;
  void* host = nullptr;
  auto status =
      fault_.call("mem_alloc", [&](bp_err* err) { return api().mem_alloc(handle(), &request, &mem, &host, err); });
  if (!status) {
    status.error().what += fmt::format(" (\"{}\", {} bytes)", name, bytes);
    return std::unexpected(status.error());
  }
  if (mem == nullptr) return fail(ErrorCode::kDevice, info_.id, "mem_alloc gave no memory");
  Memory memory({mem, Memory::Free{&api(), handle()}}, static_cast<std::byte*>(host), bytes);
  if (host == nullptr && kind != AllocKind::kDevice) {
    return fail(ErrorCode::kDevice, info_.id, fmt::format("mem_alloc gave no host pointer for \"{}\"", name));
  }
  return memory;
}

namespace {

const bp_heap* import_heap(std::span<const bp_heap> heaps) {
  constexpr uint32_t kWanted = BP_HEAP_IMPORT | BP_HEAP_IMPORT_READ_ONLY | BP_HEAP_IMPORT_FAST;
  const auto heap = std::ranges::find_if(heaps, [](const bp_heap& h) { return (h.flags & kWanted) == kWanted; });
  return heap == heaps.end() ? nullptr : &*heap;
}

}  // namespace

Status Device::check_import(std::span<const std::byte> bytes) const {
  const bp_heap* heap = import_heap(heaps_);
  if (heap == nullptr || api().mem_import == nullptr) {
    return fail(ErrorCode::kUnsupported, info_.id, "cannot read host memory in place");
  }
  const uint64_t align = std::max<uint64_t>(heap->import_align, 1);
  // Kernels count on BP_FILE_ALIGN of weights. Pages are mapped whole: the size may be rounded up within the last one.
  const uint64_t start_align = std::max<uint64_t>(align, BP_FILE_ALIGN);
  const bool fits = bytes.size() % align == 0 || align <= kPageBytes;
  if (bytes.empty() || !fits || reinterpret_cast<uintptr_t>(bytes.data()) % start_align != 0) {
    return fail(ErrorCode::kUnsupported, info_.id,
                fmt::format("reads host memory in place from multiples of {} bytes", start_align));
  }
  return {};
}

Result<Memory> Device::import(std::span<const std::byte> bytes) {
  BP_TRY_VOID(check_import(bytes));
  const bp_heap* heap = import_heap(heaps_);
  const uint64_t align = std::max<uint64_t>(heap->import_align, 1);
  const uint64_t size = (bytes.size() + align - 1) & ~(align - 1);
  void* host = const_cast<std::byte*>(bytes.data());
  bp_mem* mem = nullptr;
  BP_TRY_VOID(fault_.call("mem_import", [&](bp_err* err) {
    return api().mem_import(handle(), static_cast<uint32_t>(heap - heaps_.data()), host, size, BP_IMPORT_READ_ONLY,
                            &mem, err);
  }));
  if (mem == nullptr) return fail(ErrorCode::kDevice, info_.id, "mem_import gave no memory");
  return Memory({mem, Memory::Free{&api(), handle()}}, static_cast<std::byte*>(host), bytes.size());
}

Result<Queue> Device::create_queue(const QueueDesc& desc) {
  const uint32_t flags = (desc.copy ? uint32_t{BP_QUEUE_COPY} : 0u) | (desc.blame ? uint32_t{BP_QUEUE_BLAME} : 0u);
  const bp_queue_desc raw{sizeof(bp_queue_desc), flags, desc.priority, 0};
  bp_queue* queue = nullptr;
  BP_TRY_VOID(
      fault_.call("queue_create", [&](bp_err* err) { return api().queue_create(handle(), &raw, &queue, err); }));
  if (queue == nullptr) return fail(ErrorCode::kDevice, info_.id, "queue_create gave no queue");
  return Queue({queue, Queue::Destroy{&api()}}, &api(), &fault_);
}

Result<Event> Device::create_event(bool timing, bool host_wait) {
  if (!has_events()) return fail(ErrorCode::kUnsupported, info_.id, "the plugin has no events");
  const uint32_t flags = (timing ? uint32_t{BP_EVENT_TIMING} : 0) | (host_wait ? uint32_t{BP_EVENT_HOST_WAIT} : 0);
  bp_event* event = nullptr;
  BP_TRY_VOID(
      fault_.call("event_create", [&](bp_err* err) { return api().event_create(handle(), flags, &event, err); }));
  if (event == nullptr) return fail(ErrorCode::kDevice, info_.id, "event_create gave no event");
  return Event({event, Event::Destroy{&api()}}, &api(), &fault_);
}

template <class F>
Status Device::ask_layout_owner(const char* name, F&& f) {
  Status status =
      fail(ErrorCode::kUnsupported, info_.id, fmt::format("{}: no plugin of the device has this layout", name));
  for (const auto& table : tables_) {
    if (table->api.layout_info == nullptr) continue;
    status = fault_.call(name, [&](bp_err* err) { return f(*table, err); });
    if (status || status.error().code != ErrorCode::kUnsupported) break;
  }
  return status;
}

Result<LayoutInfo> Device::layout_info(uint32_t layout, std::span<const bp_value> values) {
  bp_layout_info raw{};
  BP_TRY_VOID(ask_layout_owner("layout_info", [&](const Table& table, bp_err* err) {
    raw = {};
    raw.struct_size = sizeof raw;
    return table.api.layout_info(table.handle, layout, values.data(), sizeof(bp_value),
                                 static_cast<uint32_t>(values.size()), &raw, err);
  }));
  raw.align = std::max<uint64_t>(raw.align, 1);
  if ((raw.align & (raw.align - 1)) != 0 || raw.row_multiple < 0) {
    return fail(ErrorCode::kDevice, info_.id,
                fmt::format("layout_info of {}: align {}, row_multiple {}", interned_name(layout), raw.align,
                            raw.row_multiple));
  }
  return LayoutInfo{.size_bytes = raw.bytes,
                    .align = raw.align,
                    .ws_bytes = raw.ws_bytes,
                    .row_multiple = std::max<int64_t>(raw.row_multiple, 1),
                    .page_tokens = raw.page_tokens,
                    .from_host = (raw.flags & BP_LAYOUT_SRC_HOST) != 0,
                    .from_device = (raw.flags & BP_LAYOUT_SRC_DEVICE) != 0};
}

Status Device::pack(const bp_pack& job, Queue& queue) {
  return ask_layout_owner(
      "pack", [&](const Table& table, bp_err* err) { return table.api.pack(table.handle, &job, queue.handle(), err); });
}

Result<PlanInfo> Device::query(const bp_kernel& kernel, const bp_region& region, std::span<const int64_t> config) {
  const Table& table = table_of(kernel);
  const int64_t* values = config_of(kernel, config);
  RawPlanInfo raw(kUsualWorkspaces);
  if (kernel.query == nullptr) return read_plan_info(info_.id, kernel, raw);
  const auto ask = [&] {
    return fault_.call(
        "query", [&](bp_err* err) { return kernel.query(&kernel, table.handle, &region, values, &raw.info, err); });
  };
  BP_TRY_VOID(ask());
  if (raw.too_small()) {
    raw = RawPlanInfo(std::min(raw.info.n_ws, kMaxWorkspaces));
    BP_TRY_VOID(ask());
  }
  return read_plan_info(info_.id, kernel, raw);
}

Result<Plan> Device::plan(const bp_kernel& kernel, const bp_region& region, std::span<const int64_t> config) {
  const Table& table = table_of(kernel);
  const int64_t* values = config_of(kernel, config);
  RawPlanInfo raw(kUsualWorkspaces);
  std::unique_ptr<bp_plan, Plan::Destroy> plan(nullptr, Plan::Destroy{&table.api});
  const auto make = [&]() -> Status {
    bp_plan* made = nullptr;
    BP_TRY_VOID(fault_.call("plan", [&](bp_err* err) {
      return kernel.plan(&kernel, table.handle, &region, values, &made, &raw.info, err);
    }));
    if (made == nullptr) return fail(ErrorCode::kDevice, info_.id, fmt::format("kernel {}: plan gave none", kernel.id));
    plan.reset(made);
    return {};
  };
  BP_TRY_VOID(make());
  if (raw.too_small()) {
    plan.reset();
    raw = RawPlanInfo(std::min(raw.info.n_ws, kMaxWorkspaces));
    BP_TRY_VOID(make());
  }
  BP_TRY(PlanInfo info, read_plan_info(info_.id, kernel, raw));
  return Plan(std::move(plan), &table.api, &fault_, std::move(info));
}

uint32_t Device::intern(std::string_view name) const { return bp::intern(name); }

const void* Device::extension(const char* name_and_version) const {
  return api().ext == nullptr || fault_.lost() ? nullptr : api().ext(handle(), name_and_version);
}

}  // namespace bp
