#include "plugin_host/table_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <set>

#include "plugin_host/contained_text.h"

namespace bp {
namespace {

constexpr uint32_t kMaxOptions = 256;
constexpr size_t kMaxOptionBytes = 1024;
constexpr uint32_t kMaxTableBytes = 1 << 16;

// What the first plugins write, to the last member that they all have: later ones write no less.
constexpr size_t kPluginApiBytesV0 = offsetof(bp_plugin_api, close) + sizeof(bp_plugin_api::close);
constexpr size_t kDeviceInfoBytesV0 = offsetof(bp_device_info, mem_total) + sizeof(bp_device_info::mem_total);
constexpr size_t kHeapBytesV0 = offsetof(bp_heap, free_now) + sizeof(bp_heap::free_now);

std::unexpected<Refusal> bad(std::string reason) {
  return refuse(Verdict::kBadTable, std::move(reason), "report this to the plugin's author");
}

// A name and whether the function behind it is there.
struct Member {
  const char* name;
  bool present;
};

Checked<void> require(const char* table, std::initializer_list<Member> members) {
  for (const Member& member : members) {
    if (!member.present) return bad(fmt::format("{}.{} is null", table, member.name));
  }
  return {};
}

Checked<void> check_size(const char* table, uint32_t size, size_t min) {
  if (size >= min && size <= kMaxTableBytes) return {};
  return bad(fmt::format("{}.struct_size is {}, at least {} wanted", table, size, min));
}

// Of a struct that the plugin filled in, where it was told how much room there is.
Checked<void> check_written(const char* table, uint32_t size, size_t min, size_t room) {
  if (size > room) return bad(fmt::format("{}.struct_size is {}, there was room for {}", table, size, room));
  return check_size(table, size, min);
}

Checked<void> check_stride(const char* table, uint32_t stride, size_t min) {
  if (stride >= min && stride <= kMaxTableBytes && stride % alignof(void*) == 0) return {};
  return bad(fmt::format("{} is {}, at least {} wanted", table, stride, min));
}

Checked<PluginOption> check_option(const bp_option& raw, uint32_t index) {
  const auto key = bounded_text(raw.key, 64);
  if (!key || !is_identifier(*key)) return bad(fmt::format("option {} has no key", index));
  PluginOption option{.key = std::string(*key)};
  const auto take = [](const char* text, std::string& out) {
    out = printable(text, kMaxOptionBytes);
    return text == nullptr || bounded_text(text, kMaxOptionBytes).has_value();
  };
  if (take(raw.type, option.type) && take(raw.dflt, option.default_value) && take(raw.min, option.min) &&
      take(raw.max, option.max) && take(raw.doc, option.doc)) {
    return option;
  }
  return bad(fmt::format("option \"{}\": a text is longer than {} bytes", option.key, kMaxOptionBytes));
}

template <size_t N>
bool take_text(const char (&field)[N], std::string& out) {
  out = printable(field, N);
  return bounded_text(field, N).has_value();
}

// Members that make sense only together: all of them or none.
Checked<void> all_or_none(std::initializer_list<Member> members) {
  const auto present = [](const Member& member) { return member.present; };
  if (std::ranges::none_of(members, present)) return {};
  return require("device api", members);
}

#define BP_MEMBER(table, name) \
  Member { #name, (table).name != nullptr }

Checked<void> check_kernel_calls(const bp_device_api& api, bool required) {
  const auto members = {BP_MEMBER(api, kernels), BP_MEMBER(api, plan_bind), BP_MEMBER(api, launch),
                        BP_MEMBER(api, bound_destroy), BP_MEMBER(api, plan_destroy)};
  return required ? require("device api", members) : all_or_none(members);
}

Checked<void> check_owner_calls(const bp_device_api& api) {
  auto required = require("device api", {BP_MEMBER(api, heaps), BP_MEMBER(api, mem_alloc), BP_MEMBER(api, mem_free),
                                         BP_MEMBER(api, queue_create), BP_MEMBER(api, queue_destroy),
                                         BP_MEMBER(api, queue_sync), BP_MEMBER(api, copy)});
  if (!required) return required;
  return all_or_none({BP_MEMBER(api, event_create), BP_MEMBER(api, event_destroy), BP_MEMBER(api, event_record),
                      BP_MEMBER(api, event_wait), BP_MEMBER(api, event_sync)});
}

}  // namespace

Checked<void> check_plugin_api(const bp_plugin_api& api, uint32_t kinds) {
  if (auto size = check_written("plugin api", api.struct_size, kPluginApiBytesV0, sizeof api); !size) return size;
  if (auto close = require("plugin api", {BP_MEMBER(api, close)}); !close) return close;
  if ((kinds & BP_KIND_DEVICE) != 0) {
    if (auto device = require("plugin api", {BP_MEMBER(api, enumerate), BP_MEMBER(api, open)}); !device) return device;
  }
  if ((kinds & BP_KIND_ATTACHED) != 0) return require("plugin api", {BP_MEMBER(api, attach)});
  return {};
}

Checked<std::vector<PluginOption>> check_options(const bp_plugin_api& api) {
  std::vector<PluginOption> options;
  if (api.n_option == 0) return options;
  if (api.option == nullptr) return bad(fmt::format("plugin api.option is null, n_option {}", api.n_option));
  if (api.n_option > kMaxOptions) return bad(fmt::format("{} options, at most {}", api.n_option, kMaxOptions));
  if (auto stride = check_stride("plugin api.option_stride", api.option_stride, sizeof(bp_option)); !stride) {
    return std::unexpected(stride.error());
  }
  std::set<std::string> keys;
  for (uint32_t i = 0; i < api.n_option; ++i) {
    const auto* at = reinterpret_cast<const std::byte*>(api.option) + static_cast<size_t>(i) * api.option_stride;
    auto option = check_option(*reinterpret_cast<const bp_option*>(at), i);
    if (!option) return std::unexpected(option.error());
    if (!keys.insert(option->key).second) return bad(fmt::format("option \"{}\" is there twice", option->key));
    options.push_back(std::move(*option));
  }
  return options;
}

Checked<DeviceInfo> check_device_info(const bp_device_info& raw, const std::string& plugin) {
  if (auto size = check_written("device info", raw.struct_size, kDeviceInfoBytesV0, sizeof raw); !size) {
    return std::unexpected(size.error());
  }
  DeviceInfo info{.plugin = plugin, .memory_bytes = raw.mem_total, .score = std::max(raw.score, 0), .cls = raw.cls};
  const bool ends = take_text(raw.id, info.id) && take_text(raw.name, info.name) && take_text(raw.arch, info.arch) &&
                    take_text(raw.driver, info.driver) && take_text(raw.why, info.why);
  if (!ends) return bad("a text of a device's info does not end");
  // The host's own words in [device] use.
  if (!is_identifier(info.id) || info.id == "auto" || info.id == "reference") {
    return bad(fmt::format("a device's id \"{}\" is no id", info.id));
  }
  if (info.score == 0 && info.why.empty()) info.why = "its plugin does not say why";
  std::ranges::copy(raw.fingerprint, info.fingerprint.begin());
  return info;
}

Checked<bp_device_api> check_device_api(const bp_device_api* api, bool attached) {
  if (api == nullptr) return bad("no device api");
  if (auto size = check_size("device api", api->struct_size, offsetof(bp_device_api, mem_import)); !size) {
    return std::unexpected(size.error());
  }
  bp_device_api copy{};
  std::memcpy(&copy, api, std::min<size_t>(api->struct_size, sizeof copy));
  copy.struct_size = static_cast<uint32_t>(std::min<size_t>(api->struct_size, sizeof copy));
  if (!attached) {
    if (auto owner = check_owner_calls(copy); !owner) return std::unexpected(owner.error());
  }
  if (auto kernels = check_kernel_calls(copy, attached); !kernels) return std::unexpected(kernels.error());
  if (auto pack = all_or_none({BP_MEMBER(copy, layout_info), BP_MEMBER(copy, pack)}); !pack) {
    return std::unexpected(pack.error());
  }
  return copy;
}

Checked<void> check_heaps(std::span<const bp_heap> heaps) {
  if (heaps.empty()) return bad("the device has no heap");
  for (size_t i = 0; i < heaps.size(); ++i) {
    const bp_heap& heap = heaps[i];
    const std::string name = fmt::format("heap {}", i);
    if (auto size = check_written(name.c_str(), heap.struct_size, kHeapBytesV0, sizeof(bp_heap)); !size) return size;
    const uint32_t align = heap.import_align;
    if ((align & (align - 1)) != 0) return bad(fmt::format("{}.import_align is {}, no power of two", name, align));
    if (heap.bytes > kAbsurdBytes || heap.granularity > kAbsurdAlign) {
      return bad(fmt::format("{} has {} bytes in multiples of {}", name, heap.bytes, heap.granularity));
    }
  }
  return {};
}

}  // namespace bp
