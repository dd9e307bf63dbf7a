// An open device: RAII over the table of the plugin that brought it.
// Thread-safety: that of plugin.h. alloc, import, layout_info, pack, query and plan on any thread at once; a queue on
// one. Invariants: the registry outlives its devices, a device all that it made. Once fault().lost(), calls fail
// without reaching the plugin; only destroying still works.
#pragma once

#include <backplane/plugin.h>

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "plugin_host/device_fault.h"
#include "plugin_host/memory.h"
#include "plugin_host/plan.h"
#include "plugin_host/queue.h"

namespace bp {

class LoadedPlugin;

// What a plugin sees, before anything is opened.
struct DeviceInfo {
  std::string id{};    // "cpu:0"
  std::string name{};  // "AMD EPYC 9654"
  std::string plugin{}, arch{}, driver{};
  std::string why{};  // where score is 0: why it cannot be used
  uint64_t memory_bytes = 0;
  int32_t score = 0;  // 0 = unusable; "auto" takes the highest
  uint32_t cls = 0;   // as plugin.h has it
  std::array<uint8_t, 32> fingerprint{};
};

// How a device stores values in a layout.
struct LayoutInfo {
  uint64_t size_bytes = 0;
  uint64_t align = 1;
  uint64_t ws_bytes = 0;     // workspace of pack()
  int64_t row_multiple = 1;  // pack() takes rows in multiples of this
  int64_t page_tokens = 0;   // of a KV page
  bool from_host = false;    // pack() reads host spans
  bool from_device = false;  // pack() reads device spans
};

class Device {
 public:
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  const DeviceInfo& info() const { return info_; }
  std::span<const bp_heap> heaps() const { return heaps_; }
  // The rows of the device's plugin, then those of plugins attached to it. Ids are unique.
  std::span<const bp_kernel* const> kernels() const { return kernels_; }
  // The name of the plugin that brought `kernel`. REQUIRES: one of kernels().
  const std::string& plugin_of(const bp_kernel& kernel) const;
  // The file that it was loaded from: the private copy, which has the content of what runs.
  const std::string& plugin_file_of(const bp_kernel& kernel) const;

  // launch() runs the work before it returns: give the queue a thread of its own and no timeout.
  bool inline_launch() const { return (api().flags & BP_DEV_INLINE) != 0; }
  bool copies_async() const { return (api().flags & BP_DEV_COPY_ASYNC) != 0; }
  bool has_events() const { return api().event_create != nullptr; }

  // How long a wait for the device may last, until it counts as lost; 300 s where nobody says. An inline device, whose
  // waits are none, has no limit. Call it before anything waits.
  void set_wait_limit_ms(int64_t limit_ms);

  // A slab of the first heap of that kind. `name` is for the plugin's messages. Errors: kOutOfMemory, kDevice;
  // kUnsupported where no heap is of that kind. REQUIRES: bytes > 0.
  Result<Memory> alloc(uint64_t bytes, const char* name, AllocKind kind = AllocKind::kDevice);
  // `bytes`, a mapped file, as memory that kernels read in place; they outlive it. kUnsupported where the device has no
  // such heap, does not read it at full speed, or wants another alignment: BP_FILE_ALIGN at least.
  Result<Memory> import(std::span<const std::byte> bytes);
  // What import() checks before it asks the plugin.
  Status check_import(std::span<const std::byte> bytes) const;
  // Of the heap that kernels use, asked anew; other processes may take it. 0: the plugin does not say.
  Result<uint64_t> free_bytes();
  // Kernels use the host's own memory: what the process takes for itself comes out of the same.
  bool uses_host_memory() const;

  Result<Queue> create_queue(const QueueDesc& desc = {});
  // kUnsupported where !has_events().
  Result<Event> create_event(bool timing = false, bool host_wait = false);

  // How the device stores `values` (weights: each one source; KV: one page) in an interned layout. kUnsupported where
  // no plugin of the device has it for them.
  Result<LayoutInfo> layout_info(uint32_t layout, std::span<const bp_value> values);
  // Enqueues one packing. The sources stay valid until the queue has passed it.
  Status pack(const bp_pack& job, Queue& queue);

  // Is the region fine for the kernel: kUnsupported if not. `config`: one value for each tunable, empty = defaults.
  // A kernel without query() says yes, with nothing known.
  Result<PlanInfo> query(const bp_kernel& kernel, const bp_region& region, std::span<const int64_t> config = {});
  // May compile for seconds.
  Result<Plan> plan(const bp_kernel& kernel, const bp_region& region, std::span<const int64_t> config = {});

  // The process-wide number of a versioned op, layout or native type; 0 = unknown. See intern.h.
  uint32_t intern(std::string_view name) const;

  // Null where the plugin has no such extension: "graph/1".
  // The struct_size of plugin.h's own tables is within reason; "x." tables are whatever they are.
  const void* extension(const char* name_and_version) const;
  bp_device* handle() const { return tables_.front()->handle; }
  const bp_device_api& api() const { return tables_.front()->api; }
  DeviceFault& fault() { return fault_; }

 private:
  friend class PluginRegistry;
  // A plugin's hold on this device: the owner's, or an attached plugin's. Its address is stable.
  struct Table {
    std::shared_ptr<const LoadedPlugin> plugin;  // shut down once no registry and no device has it
    bp_device* handle = nullptr;
    bp_device_api api{};
    ~Table();
  };

  explicit Device(const DeviceInfo& info) : info_(info), fault_(info.id, info.plugin) {}
  static Result<std::unique_ptr<Device>> open(std::shared_ptr<const LoadedPlugin> owner, const DeviceInfo& info);
  // Adds the kernels of a plugin of kind ATTACHED. On an error nothing has changed.
  Status attach(std::shared_ptr<const LoadedPlugin> plugin);
  Result<std::vector<bp_heap>> ask_heaps();
  Status read_heaps();
  Status add_kernels(const Table& table);
  // Asks the owner, then the attached plugins, until one does not say that it lacks the layout.
  template <class F>
  Status ask_layout_owner(const char* name, const bp_queue* queue, F&& f);
  const Table& table_of(const bp_kernel& kernel) const;
  Result<uint32_t> find_heap(AllocKind kind) const;

  DeviceInfo info_;
  DeviceFault fault_;
  std::vector<std::unique_ptr<Table>> tables_;  // the owner's first; never empty once open
  std::vector<bp_heap> heaps_;
  std::vector<const bp_kernel*> kernels_;
  std::unordered_map<const bp_kernel*, const Table*> table_of_;
};

}  // namespace bp
