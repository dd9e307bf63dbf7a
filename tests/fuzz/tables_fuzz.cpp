// Any bytes as the tables that a plugin hands out. Sizes, counts, strides and flags are the input's; a pointer is null,
// or to texts, rows or functions that are there, since nothing can tell a wild pointer from a good one. What the checks
// let pass is then read as the host reads it.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "compile/kernel_table.h"
#include "plugin_host/table_check.h"

namespace {

class Input {
 public:
  Input(const uint8_t* data, size_t size) : data_(data), size_(size) {}

  template <class T>
  T take() {
    T value{};
    const size_t n = std::min(sizeof(T), size_);
    std::memcpy(static_cast<void*>(&value), data_, n);
    data_ += n;
    size_ -= n;
    return value;
  }
  // Up to a zero byte; null where it begins with 0xff.
  const char* text() {
    if (size_ > 0 && *data_ == 0xff) {
      take<uint8_t>();
      return nullptr;
    }
    std::string& kept = texts_.emplace_back();
    while (size_ > 0) {
      const char c = take<char>();
      if (c == '\0') break;
      kept.push_back(c);
    }
    return kept.c_str();
  }
  // A size near that of a struct, mostly.
  uint32_t size_of(size_t right) {
    const auto way = take<uint8_t>();
    if (way < 200) return static_cast<uint32_t>(right);
    if (way < 230) return static_cast<uint32_t>(right) + take<uint8_t>() - 128;
    return take<uint32_t>();
  }

 private:
  const uint8_t* data_;
  size_t size_;
  std::vector<std::string> texts_ = reserved();
  static std::vector<std::string> reserved() {
    std::vector<std::string> texts;
    texts.reserve(4096);  // their addresses are handed out
    return texts;
  }
};

bp_status plan(const bp_kernel*, bp_device*, const bp_region*, const int64_t*, bp_plan**, bp_plan_info*, bp_err*) {
  return BP_OK;
}

// Any set of members, each null or not: what they are is not looked at, only whether they are there.
template <class T>
T random_table(Input& in, size_t first_function) {
  T table{};
  auto* bytes = reinterpret_cast<unsigned char*>(&table);
  const uint32_t size = in.size_of(sizeof(T));
  std::memcpy(bytes, &size, sizeof size);
  auto present = in.take<uint64_t>();
  for (size_t at = first_function; at + sizeof(void*) <= sizeof(T); at += sizeof(void*), present >>= 1) {
    const uintptr_t pointer = (present & 1) != 0 ? 8 : 0;
    std::memcpy(bytes + at, &pointer, sizeof pointer);
  }
  return table;
}

void plugin_table(Input& in) {
  bp_plugin_api api = random_table<bp_plugin_api>(in, offsetof(bp_plugin_api, enumerate));
  (void)bp::check_plugin_api(api, in.take<uint32_t>());
  std::array<bp_option, 8> options{};
  for (bp_option& option : options) option = {in.text(), in.text(), in.text(), in.text(), in.text(), in.text()};
  api.option = options.data();
  // More rows than there are, further apart, would be a wild pointer.
  api.option_stride = in.size_of(sizeof(bp_option));
  api.n_option = api.option_stride <= sizeof(bp_option) ? in.take<uint8_t>() % 9 : 1;
  (void)bp::check_options(api);
}

void device_table(Input& in) {
  const bp_device_api api = random_table<bp_device_api>(in, offsetof(bp_device_api, heaps));
  (void)bp::check_device_api(&api, (in.take<uint8_t>() & 1) != 0);
  const auto info = in.take<bp_device_info>();
  (void)bp::check_device_info(info, "fuzz");
  std::vector<bp_heap> heaps(in.take<uint8_t>() % 5);
  for (bp_heap& heap : heaps) {
    heap = in.take<bp_heap>();
    heap.struct_size = in.size_of(sizeof heap);
  }
  (void)bp::check_heaps(heaps);
}

void kernel_rows(Input& in) {
  std::vector<bp_kernel> kernels(in.take<uint8_t>() % 5);
  const std::array<int64_t, 4> values = {1, 2, 3, 4};
  std::vector<std::array<bp_tunable, 3>> tunables(kernels.size());
  std::vector<const bp_kernel*> list;
  for (size_t i = 0; i < kernels.size(); ++i) {
    bp_kernel& kernel = kernels[i];
    kernel.struct_size = in.size_of(sizeof kernel);
    kernel.flags = in.take<uint32_t>();
    kernel.id = in.text();
    kernel.pattern = in.text();
    kernel.where = in.text();
    kernel.layouts = in.text();
    kernel.alias = in.text();
    kernel.numerics = in.text();
    kernel.plan = (in.take<uint8_t>() & 7) != 0 ? plan : nullptr;
    for (bp_tunable& tunable : tunables[i])
      tunable = {in.text(), in.take<uint8_t>() % 5u, 0, (in.take<uint8_t>() & 7) != 0 ? values.data() : nullptr};
    kernel.tunable = (in.take<uint8_t>() & 7) != 0 ? tunables[i].data() : nullptr;
    kernel.tunable_stride = in.size_of(sizeof(bp_tunable));
    kernel.n_tunable = kernel.tunable_stride <= sizeof(bp_tunable) ? in.take<uint8_t>() % 4 : 1;
    list.push_back((in.take<uint8_t>() & 31) != 31 ? &kernel : nullptr);
  }
  if (!bp::check_kernels(list.data(), static_cast<uint32_t>(list.size()))) return;
  const bp::KernelTable table = bp::KernelTable::create(list, {});
  for (const bp::RejectedRow& row : table.rejected()) (void)row.reason.size();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 32768) return 0;
  Input in(data, size);
  switch (in.take<uint8_t>() % 3) {
    case 0:
      plugin_table(in);
      break;
    case 1:
      device_table(in);
      break;
    default:
      kernel_rows(in);
  }
  return 0;
}
