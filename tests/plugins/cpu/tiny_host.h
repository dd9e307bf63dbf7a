// The least host that a plugin can be driven with: loads cpu.so, opens cpu:0 with the options given, runs one row on
// operands in host memory. Aborts where anything fails. Not thread-safe.
#pragma once

#include <backplane/plugin.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace bp::tiny {

using Options = std::map<std::string, std::string>;

class Device {
 public:
  // `path` of cpu.so.
  Device(const std::string& path, const Options& options);
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  const bp_device_api& api() const { return *api_; }
  bp_device* handle() const { return device_; }
  bp_queue* queue() const { return queue_; }
  const bp_kernel* kernel(const std::string& id) const;  // null: no such row
  uint32_t intern(const std::string& name);
  bp_device_info info();

 private:
  void* library_ = nullptr;
  Options options_;
  std::map<std::string, uint32_t> names_;
  bp_host_api host_{};
  bp_plugin_api plugin_{};
  bp_device* device_ = nullptr;
  const bp_device_api* api_ = nullptr;
  bp_queue* queue_ = nullptr;
};

// Device memory, 64-byte aligned.
class Memory {
 public:
  Memory(Device& device, uint64_t bytes);
  ~Memory();
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  std::byte* data() const { return static_cast<std::byte*>(host_); }
  bp_span span() const { return {memory_, nullptr, 0, bytes_}; }

 private:
  Device& device_;
  uint64_t bytes_;
  bp_mem* memory_ = nullptr;
  void* host_ = nullptr;
};

struct Operand {
  uint16_t dtype;
  std::vector<int64_t> dims;  // -1: the dynamic one
  uint32_t layout = 0;
  bp_span span{};
};

// A row planned and bound for operands in slot order, of which one dimension may be dynamic, up to max_rows.
class Bound {
 public:
  Bound(Device& device, const std::string& row, const std::vector<Operand>& operands, int64_t max_rows);
  ~Bound();
  Bound(const Bound&) = delete;
  Bound& operator=(const Bound&) = delete;
  void launch(int64_t rows);

 private:
  Device& device_;
  bp_plan* plan_ = nullptr;
  bp_bound* bound_ = nullptr;
  std::vector<std::unique_ptr<Memory>> workspaces_;
};

// Packs a weight [.., k] of the file's bytes into a layout; in slices of that many times the rows that the layout asks
// for, 0 = all at once.
std::unique_ptr<Memory> pack(Device& device, const std::string& layout, const Operand& weight, const std::byte* file,
                             int64_t slice_groups = 0);

// Packs matrices [rows[i], k], one after another in `file`, as the sources of one weight. Null: the layout is not for
// them.
std::unique_ptr<Memory> pack_sources(Device& device, const std::string& layout, uint16_t dtype,
                                     const std::vector<int64_t>& rows, int64_t k, const std::byte* file);

}  // namespace bp::tiny
