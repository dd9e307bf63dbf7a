#include "plugin_host/device.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <unordered_set>

#include "base/check.h"
#include "base/log.h"
#include "plugin_host/intern.h"
#include "plugin_host/loaded_plugin.h"
#include "plugin_host/out_struct.h"
#include "plugin_host/raw_plan_info.h"
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

// A table may be larger than ours, but not beyond reason.
constexpr uint32_t kMaxTableBytes = 1 << 16;

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
  bp_device* opened = nullptr;  // counts only where open() succeeds: else there is nothing to close
  BP_TRY_VOID(device->fault_.call(
      "open", [&](bp_err* err) { return table->plugin->api().open(info.id.c_str(), &opened, &api, err); }));
  if (opened == nullptr) return std::unexpected(device->fault_.broken("open", "gave no device"));
  table->handle = opened;
  auto checked = check_device_api(api, false);
  if (!checked) return std::unexpected(bad_table(*table->plugin, info.id, checked.error()));
  table->api = *checked;
  device->tables_.push_back(std::move(table));
  if (device->inline_launch()) device->fault_.set_wait_limit_ns(kNoTimeout);
  BP_TRY_VOID(device->read_heaps());
  BP_TRY_VOID(device->add_kernels(*device->tables_.front()));
  return device;
}

Status Device::attach(std::shared_ptr<const LoadedPlugin> plugin) {
  auto table = std::make_unique<Table>();
  table->plugin = std::move(plugin);
  const bp_device_api* their_api = nullptr;
  bp_device* attached = nullptr;
  BP_TRY_VOID(fault_.call("attach", [&](bp_err* err) {
    return table->plugin->api().attach(handle(), &api(), &attached, &their_api, err);
  }));
  if (attached == nullptr) {
    return fail(ErrorCode::kDevice, info_.id, fmt::format("plugin {}: attach gave no device", table->plugin->name()),
                "report this to the plugin's author");
  }
  table->handle = attached;
  auto checked = check_device_api(their_api, true);
  if (!checked) return std::unexpected(bad_table(*table->plugin, info_.id, checked.error()));
  table->api = *checked;
  BP_TRY_VOID(add_kernels(*table));
  tables_.push_back(std::move(table));
  return {};
}

void Device::set_wait_limit_ms(int64_t limit_ms) {
  if (!inline_launch()) fault_.set_wait_limit_ns(static_cast<uint64_t>(std::max<int64_t>(limit_ms, 1)) * 1'000'000);
}

Result<std::vector<bp_heap>> Device::ask_heaps() {
  std::vector<bp_heap> heaps(kMaxHeaps + 1);  // the last is nobody's
  for (bp_heap& heap : heaps) heap.struct_size = sizeof heap;
  heaps.back().struct_size = 0;
  uint32_t n = 0;
  BP_TRY_VOID(fault_.call(
      "heaps", [&](bp_err* err) { return api().heaps(handle(), heaps.data(), sizeof(bp_heap), kMaxHeaps, &n, err); }));
  const bp_heap untouched{};
  if (std::memcmp(&heaps.back(), &untouched, sizeof untouched) != 0)
    return std::unexpected(fault_.broken("heaps", fmt::format("wrote past the {} heaps asked for", kMaxHeaps)));
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
  if (mem == nullptr) return std::unexpected(fault_.broken("mem_alloc", "gave no memory"));
  const bool is_visible = (heaps_[heap].flags & (BP_HEAP_HOST_VISIBLE | BP_HEAP_PINNED)) != 0;
  if (!is_visible) host = nullptr;  // not one that the host may use
  Memory memory({mem, Memory::Free{&api(), handle()}}, static_cast<std::byte*>(host), bytes);
  const auto address = reinterpret_cast<uintptr_t>(host);
  if (is_visible && (address == 0 || address % BP_ARG_ALIGN != 0 || address + bytes < address)) {
    return std::unexpected(fault_.broken(
        "mem_alloc",
        fmt::format("gave host pointer {} for \"{}\", {} bytes of heap {}", fmt::ptr(host), name, bytes, heap)));
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
  if (mem == nullptr) return std::unexpected(fault_.broken("mem_import", "gave no memory"));
  return Memory({mem, Memory::Free{&api(), handle()}}, static_cast<std::byte*>(host), bytes.size());
}

Result<Queue> Device::create_queue(const QueueDesc& desc) {
  const uint32_t flags = (desc.copy ? uint32_t{BP_QUEUE_COPY} : 0u) | (desc.blame ? uint32_t{BP_QUEUE_BLAME} : 0u);
  const bp_queue_desc raw{sizeof(bp_queue_desc), flags, desc.priority, 0};
  bp_queue* queue = nullptr;
  BP_TRY_VOID(
      fault_.call("queue_create", [&](bp_err* err) { return api().queue_create(handle(), &raw, &queue, err); }));
  if (queue == nullptr) return std::unexpected(fault_.broken("queue_create", "gave no queue"));
  return Queue({queue, Queue::Destroy{&api(), &fault_}}, &api(), &fault_, desc.verify);
}

Result<Event> Device::create_event(bool timing, bool host_wait) {
  if (!has_events()) return fail(ErrorCode::kUnsupported, info_.id, "the plugin has no events");
  const uint32_t flags = (timing ? uint32_t{BP_EVENT_TIMING} : 0) | (host_wait ? uint32_t{BP_EVENT_HOST_WAIT} : 0);
  bp_event* event = nullptr;
  BP_TRY_VOID(
      fault_.call("event_create", [&](bp_err* err) { return api().event_create(handle(), flags, &event, err); }));
  if (event == nullptr) return std::unexpected(fault_.broken("event_create", "gave no event"));
  return Event({event, Event::Destroy{&api()}}, &api(), &fault_);
}

template <class F>
Status Device::ask_layout_owner(const char* name, const bp_queue* queue, F&& f) {
  Status status =
      fail(ErrorCode::kUnsupported, info_.id, fmt::format("{}: no plugin of the device has this layout", name));
  for (const auto& table : tables_) {
    if (table->api.layout_info == nullptr) continue;
    status = fault_.call(name, queue, [&](bp_err* err) { return f(*table, err); });
    if (status || status.error().code != ErrorCode::kUnsupported) break;
  }
  return status;
}

Result<LayoutInfo> Device::layout_info(uint32_t layout, std::span<const bp_value> values) {
  OutStruct<bp_layout_info> out;
  BP_TRY_VOID(ask_layout_owner("layout_info", nullptr, [&](const Table& table, bp_err* err) {
    out = {};
    return table.api.layout_info(table.handle, layout, values.data(), sizeof(bp_value),
                                 static_cast<uint32_t>(values.size()), &out.value, err);
  }));
  bp_layout_info& raw = out.value;
  if (out.is_overrun()) return std::unexpected(fault_.broken("layout_info", "wrote past the room it was given"));
  raw.align = std::max<uint64_t>(raw.align, 1);
  const bool is_sane = raw.bytes > 0 && raw.bytes <= kAbsurdBytes && raw.ws_bytes <= kAbsurdBytes &&
                       is_sane_align(raw.align) && raw.row_multiple >= 0 && raw.page_tokens >= 0;
  if (!is_sane) {
    return std::unexpected(fault_.broken(
        "layout_info",
        fmt::format("of {} says {} bytes, align {}, {} bytes of workspace, row_multiple {}, page_tokens {}",
                    interned_name(layout), raw.bytes, raw.align, raw.ws_bytes, raw.row_multiple, raw.page_tokens)));
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
  return ask_layout_owner("pack", queue.handle(), [&](const Table& table, bp_err* err) {
    return table.api.pack(table.handle, &job, queue.handle(), err);
  });
}

Result<PlanInfo> Device::query(const bp_kernel& kernel, const bp_region& region, std::span<const int64_t> config) {
  const Table& table = table_of(kernel);
  const int64_t* values = config_of(kernel, config);
  RawPlanInfo raw(kUsualWorkspaces);
  if (kernel.query == nullptr) return read_plan_info(fault_, "query", kernel, raw);
  const auto ask = [&] {
    return fault_.call("query", [&](bp_err* err) {
      return kernel.query(&kernel, table.handle, &region, values, &raw.out.value, err);
    });
  };
  BP_TRY_VOID(ask());
  if (raw.too_small()) {
    raw = RawPlanInfo(std::min(raw.n_ws(), kMaxWorkspaces));
    BP_TRY_VOID(ask());
  }
  return read_plan_info(fault_, "query", kernel, raw);
}

Result<Plan> Device::plan(const bp_kernel& kernel, const bp_region& region, std::span<const int64_t> config) {
  const Table& table = table_of(kernel);
  const int64_t* values = config_of(kernel, config);
  RawPlanInfo raw(kUsualWorkspaces);
  std::unique_ptr<bp_plan, Plan::Destroy> plan(nullptr, Plan::Destroy{&table.api});
  const auto make = [&]() -> Status {
    bp_plan* made = nullptr;
    BP_TRY_VOID(fault_.call("plan", [&](bp_err* err) {
      return kernel.plan(&kernel, table.handle, &region, values, &made, &raw.out.value, err);
    }));
    if (made == nullptr)
      return std::unexpected(fault_.broken("plan", fmt::format("of kernel {} gave no plan", kernel.id)));
    plan.reset(made);
    return {};
  };
  BP_TRY_VOID(make());
  if (raw.too_small()) {
    plan.reset();
    raw = RawPlanInfo(std::min(raw.n_ws(), kMaxWorkspaces));
    BP_TRY_VOID(make());
  }
  BP_TRY(PlanInfo info, read_plan_info(fault_, "plan", kernel, raw));
  return Plan(std::move(plan), &table.api, &fault_, std::move(info));
}

uint32_t Device::intern(std::string_view name) const { return bp::intern(name); }

const void* Device::extension(const char* name_and_version) const {
  if (api().ext == nullptr || fault_.lost()) return nullptr;
  const void* table = api().ext(handle(), name_and_version);
  if (table == nullptr || std::string_view(name_and_version).starts_with("x.")) return table;
  const bool is_aligned = reinterpret_cast<uintptr_t>(table) % alignof(void*) == 0;
  const uint32_t size = is_aligned ? bp_struct_size(table) : 0;
  if (size >= sizeof(uint32_t) && size <= kMaxTableBytes) return table;
  log::warn("{}", fault_.broken("ext", fmt::format("gave a table {} of {} bytes", name_and_version, size)).message());
  return nullptr;
}

}  // namespace bp
