#include "tiny_host.h"

#include <dlfcn.h>
#include <backplane/plugin_region.hpp>

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace bp::tiny {
namespace {

[[noreturn]] void die(const std::string& what) {
  std::fprintf(stderr, "%s\n", what.c_str());
  std::abort();
}

void check(bp_status status, const bp_err& err, const char* what) {
  if (status != BP_OK) die(std::string(what) + ": " + err.msg);
}

struct Names {
  Options* options;
  std::map<std::string, uint32_t>* names;
};
Names current;

uint32_t intern_name(void*, const char* name) {
  return current.names->try_emplace(name, static_cast<uint32_t>(current.names->size()) + 1).first->second;
}

bp_status cfg_get(void*, const char* key, char* buf, uint32_t cap) {
  const auto found = current.options->find(key);
  if (found == current.options->end()) return BP_E_UNSUPPORTED;
  std::snprintf(buf, cap, "%s", found->second.c_str());
  return BP_OK;
}

uint64_t bytes_of(uint16_t dtype, int64_t n) { return static_cast<uint64_t>(plugin::bytes_of(dtype, n)); }

bp_value value_of(const Operand& operand, int64_t max_rows) {
  bp_value value{};
  value.struct_size = sizeof(value);
  value.dtype = operand.dtype;
  value.layout = operand.layout;
  value.updates = -1;
  value.rank = static_cast<uint32_t>(operand.dims.size());
  for (size_t i = 0; i < operand.dims.size(); ++i) {
    value.dim[i] = operand.dims[i] < 0 ? max_rows : operand.dims[i];
    value.dim_sym[i] = operand.dims[i] < 0 ? 1 : 0;
  }
  return value;
}

}  // namespace

Device::Device(const std::string& path, const Options& options) : options_(options) {
  current = {&options_, &names_};
  library_ = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library_ == nullptr) die(::dlerror());
  const auto entry = reinterpret_cast<decltype(&bp_plugin_entry_v0)>(::dlsym(library_, "bp_plugin_entry_v0"));
  if (entry == nullptr) die("no entry");
  bp_err err{};
  host_.struct_size = sizeof(host_);
  host_.intern = intern_name;
  host_.cfg_get = cfg_get;
  plugin_.struct_size = sizeof(plugin_);
  check(entry(&host_, &plugin_, &err), err, "entry");
  check(plugin_.open("cpu:0", &device_, &api_, &err), err, "open");
  bp_queue_desc desc{};
  desc.struct_size = sizeof(desc);
  check(api_->queue_create(device_, &desc, &queue_, &err), err, "queue");
}

Device::~Device() {
  api_->queue_destroy(queue_);
  plugin_.close(device_);
}

const bp_kernel* Device::kernel(const std::string& id) const {
  const bp_kernel* const* rows = nullptr;
  uint32_t n = 0;
  bp_err err{};
  check(api_->kernels(device_, &rows, &n, &err), err, "kernels");
  for (uint32_t i = 0; i < n; ++i) {
    if (id == rows[i]->id) return rows[i];
  }
  return nullptr;
}

uint32_t Device::intern(const std::string& name) {
  current = {&options_, &names_};
  return intern_name(nullptr, name.c_str());
}

bp_device_info Device::info() {
  current = {&options_, &names_};
  bp_device_info info{};
  info.struct_size = sizeof(info);
  uint32_t n = 0;
  bp_err err{};
  check(plugin_.enumerate(&info, sizeof(info), 1, &n, &err), err, "enumerate");
  return info;
}

Memory::Memory(Device& device, uint64_t bytes) : device_(device), bytes_(bytes < 64 ? 64 : bytes) {
  bp_alloc request{};
  request.struct_size = sizeof(request);
  request.bytes = bytes_;
  bp_err err{};
  check(device.api().mem_alloc(device.handle(), &request, &memory_, &host_, &err), err, "mem_alloc");
}

Memory::~Memory() { device_.api().mem_free(device_.handle(), memory_); }

Bound::Bound(Device& device, const std::string& row, const std::vector<Operand>& operands, int64_t max_rows)
    : device_(device) {
  std::vector<bp_value> values;
  std::vector<uint32_t> slots;
  std::vector<bp_span> spans;
  for (const Operand& operand : operands) {
    slots.push_back(static_cast<uint32_t>(values.size()));
    values.push_back(value_of(operand, max_rows));
    spans.push_back(operand.span);
  }
  bp_sym sym{};
  sym.struct_size = sizeof(sym);
  sym.len_value = sym.base = -1;
  sym.max = max_rows;
  sym.multiple_of = 1;
  bp_region region{};
  region.struct_size = sizeof(region);
  region.node_stride = sizeof(bp_node);
  region.value_stride = sizeof(bp_value);
  region.sym_stride = sizeof(bp_sym);
  region.n_value = static_cast<uint32_t>(values.size());
  region.n_arg = static_cast<uint32_t>(slots.size());
  region.n_sym = 1;
  region.value = values.data();
  region.arg = slots.data();
  region.sym = &sym;
  bp_ws_need need{};
  need.struct_size = sizeof(need);
  bp_plan_info info{};
  info.struct_size = sizeof(info);
  info.ws = &need;
  info.ws_cap = 1;
  info.ws_stride = sizeof(need);
  const bp_kernel* kernel = device.kernel(row);
  if (kernel == nullptr) die("no row " + row);
  bp_err err{};
  check(kernel->plan(kernel, device.handle(), &region, nullptr, &plan_, &info, &err), err, row.c_str());
  std::vector<bp_span> ws;
  for (uint32_t i = 0; i < info.n_ws; ++i) {
    workspaces_.push_back(std::make_unique<Memory>(device, need.bytes));
    ws.push_back(workspaces_.back()->span());
  }
  const auto n_ws = static_cast<uint32_t>(ws.size());
  check(device.api().plan_bind(plan_, spans.data(), region.n_arg, ws.data(), n_ws, &bound_, &err), err, "plan_bind");
}

Bound::~Bound() {
  device_.api().bound_destroy(bound_);
  device_.api().plan_destroy(plan_);
}

void Bound::launch(int64_t rows) {
  bp_launch launch{};
  launch.struct_size = sizeof(launch);
  launch.n_dyn = 1;
  launch.queue = device_.queue();
  launch.dyn = &rows;
  launch.tag = 1;
  bp_err err{};
  check(device_.api().launch(bound_, &launch, &err), err, "launch");
}

std::unique_ptr<Memory> pack(Device& device, const std::string& layout, const Operand& weight, const std::byte* file,
                             int64_t slice_groups) {
  const bp_value value = value_of(weight, 0);
  const uint32_t id = device.intern(layout);
  bp_layout_info info{};
  info.struct_size = sizeof(info);
  bp_err err{};
  check(device.api().layout_info(device.handle(), id, &value, sizeof(value), 1, &info, &err), err, "layout_info");
  auto memory = std::make_unique<Memory>(device, info.bytes);
  int64_t n = 1;
  for (size_t i = 0; i + 1 < weight.dims.size(); ++i) n *= weight.dims[i];
  // Rows are of blocks, so the whole weight is as good as a row.
  const bp_span src{nullptr, const_cast<std::byte*>(file), 0, bytes_of(weight.dtype, n * weight.dims.back())};
  bp_pack job{};
  job.struct_size = sizeof(job);
  job.layout = id;
  job.n_src = 1;
  job.value_stride = sizeof(value);
  job.value = &value;
  job.src = &src;
  job.dst = memory->span();
  job.dst.bytes = info.bytes;
  const int64_t step = slice_groups == 0 ? n : slice_groups * info.row_multiple;
  for (job.row0 = 0; job.row0 < n; job.row0 += step) {
    job.n_rows = job.row0 + step < n ? step : n - job.row0;
    check(device.api().pack(device.handle(), &job, device.queue(), &err), err, "pack");
  }
  return memory;
}

std::unique_ptr<Memory> pack_sources(Device& device, const std::string& layout, uint16_t dtype,
                                     const std::vector<int64_t>& rows, int64_t k, const std::byte* file) {
  std::vector<bp_value> values;
  for (const int64_t n : rows) values.push_back(value_of({dtype, {n, k}}, 0));
  const auto n_sources = static_cast<uint32_t>(rows.size());
  const uint32_t id = device.intern(layout);
  bp_layout_info info{};
  info.struct_size = sizeof(info);
  bp_err err{};
  const bp_status status =
      device.api().layout_info(device.handle(), id, values.data(), sizeof(bp_value), n_sources, &info, &err);
  if (status == BP_E_UNSUPPORTED) return nullptr;
  check(status, err, "layout_info");
  auto memory = std::make_unique<Memory>(device, info.bytes);
  std::vector<bp_span> sources(rows.size());
  bp_pack job{};
  job.struct_size = sizeof(job);
  job.layout = id;
  job.n_src = n_sources;
  job.value_stride = sizeof(bp_value);
  job.value = values.data();
  job.src = sources.data();
  job.dst = memory->span();
  job.dst.bytes = info.bytes;
  for (size_t i = 0; i < rows.size(); ++i) {
    const uint64_t bytes = bytes_of(dtype, rows[i] * k);
    sources[i] = {nullptr, const_cast<std::byte*>(file), 0, bytes};
    job.src_row0 = job.row0;
    job.n_rows = rows[i];
    check(device.api().pack(device.handle(), &job, device.queue(), &err), err, "pack");
    sources[i] = {};
    file += bytes;
    job.row0 += rows[i];
  }
  return memory;
}

}  // namespace bp::tiny
