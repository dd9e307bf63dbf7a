#include "device.h"

#include <cpuid.h>
#include <unistd.h>
#include <backplane/plugin.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>

#include "kernel_table.h"
#include "native.h"

namespace bp::cpu {

const bp_option kOptions[] = {
    {"threads", "int", "0", "0", "1024", "threads of the team; 0 = one for each processor this process may use"},
    {"pin", "bool", "true", "", "", "keep each thread on a processor of its own"},
    {"spin_us", "int", "50", "0", "100000", "microseconds an idle thread spins before it sleeps"},
    {"isa", "string", "auto", "", "",
     "highest instruction set used: auto, avx2, avx512, avx512_vnni, avx512_bf16 or amx"},
};
const uint32_t kOptionCount = sizeof(kOptions) / sizeof(kOptions[0]);

namespace {

std::string option(const bp_host_api* host, const char* key, const char* otherwise) {
  char text[64] = {};
  if (!BP_HAS(bp_host_api, host, cfg_get) || host->cfg_get(host->ctx, key, text, sizeof(text)) != BP_OK ||
      text[0] == '\0')
    return otherwise;
  text[sizeof(text) - 1] = '\0';
  return text;
}

std::string processor_name() {
  unsigned words[12] = {};
  for (unsigned leaf = 0; leaf < 3; ++leaf) {
    __get_cpuid(0x80000002u + leaf, &words[4 * leaf], &words[4 * leaf + 1], &words[4 * leaf + 2], &words[4 * leaf + 3]);
  }
  char name[49] = {};
  std::memcpy(name, words, 48);
  std::string text = name;
  text.erase(0, std::min(text.find_first_not_of(' '), text.size()));
  text.erase(text.find_last_not_of(' ') + 1);
  return text.empty() ? "x86-64 processor" : text;
}

uint64_t meminfo_bytes(const std::string& key) {
  std::ifstream in("/proc/meminfo");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(key + ":")) return std::strtoull(line.c_str() + key.size() + 1, nullptr, 10) * 1024;
  }
  return 0;
}

uint64_t physical_bytes() {
  return static_cast<uint64_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
}

// FNV-1a with four offsets: what tuned values depend on.
void fingerprint(const std::string& text, uint8_t (&out)[32]) {
  for (uint64_t lane = 0; lane < 4; ++lane) {
    uint64_t hash = 0xcbf29ce484222325u + lane;
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
    std::memcpy(out + 8 * lane, &hash, 8);
  }
}

}  // namespace

IsaLevel allowed_isa(const bp_host_api* host) { return isa_from_option(option(host, "isa", "auto")); }

void describe_device(bp_device_info* info, IsaLevel isa) {
  const std::string name = processor_name();
  info->ordinal = 0;
  info->cls = 1;  // BP_CLASS_CPU
  info->score = isa == IsaLevel::kNone ? 0 : 10;
  plugin::set_text(info->id, "cpu:0");
  plugin::set_text(info->name, name);
  plugin::set_text(info->arch, isa_name(isa));
  plugin::set_text(info->driver, "");
  plugin::set_text(info->why, isa == IsaLevel::kNone
                                  ? "the processor lacks AVX2, FMA or F16C, or option isa names none it has"
                                  : "");
  fingerprint(name + "/" + isa_name(isa) + "/" + std::to_string(::sysconf(_SC_NPROCESSORS_ONLN)), info->fingerprint);
  info->mem_total = physical_bytes();
}

std::unique_ptr<bp_device> open_device(const bp_host_api* host) {
  auto device = std::make_unique<bp_device>();
  device->host = host;
  device->isa = allowed_isa(host);
  ThreadTeam::Options team;
  team.n_threads = std::clamp(std::atoi(option(host, "threads", "0").c_str()), 0, 1024);
  team.pin = option(host, "pin", "true") != "false";
  team.spin_us = std::clamp(std::atoi(option(host, "spin_us", "50").c_str()), 0, 100000);
  device->team = std::make_unique<ThreadTeam>(team);
  device->kernels = kernel_table(device->isa);
  device->team_table = team_for_others(*device->team);
  if (BP_HAS(bp_host_api, host, intern)) {
    device->weight_layout = host->intern(host->ctx, kWeightLayout);
    device->pointer_type = host->intern(host->ctx, BP_CPU_POINTER);
    device->team_type = host->intern(host->ctx, BP_CPU_PARALLEL_FOR);
  }
  return device;
}

bp_status device_heaps(bp_device*, bp_heap* out, uint32_t stride, uint32_t cap, uint32_t* n, bp_err*) noexcept {
  *n = 1;
  if (cap == 0) return BP_OK;
  (void)stride;
  bp_heap heap{};
  heap.struct_size = std::min<uint32_t>(out->struct_size, sizeof(heap));
  heap.flags = BP_HEAP_DEVICE | BP_HEAP_HOST_VISIBLE | BP_HEAP_PINNED | BP_HEAP_IMPORT | BP_HEAP_IMPORT_READ_ONLY |
               BP_HEAP_IMPORT_FAST;
  heap.import_align = 1;
  heap.bytes = physical_bytes();
  heap.granularity = 4096;
  heap.max_block = heap.bytes;
  heap.free_now = meminfo_bytes("MemAvailable");
  std::memcpy(out, &heap, heap.struct_size);
  return BP_OK;
}

}  // namespace bp::cpu
