// The CPU as a device: its options, thread team and kernel table. One for each open(); any thread.
#pragma once

#include <backplane/cpu_native.h>

#include <memory>
#include <vector>

#include "isa_level.h"
#include "thread_team.h"
#include "weight_layout.h"

struct bp_device {
  const bp_host_api* host = nullptr;
  bp::cpu::IsaLevel isa = bp::cpu::IsaLevel::kNone;
  std::unique_ptr<bp::cpu::ThreadTeam> team;
  std::vector<const bp_kernel*> kernels;
  uint32_t weight_layout = 0;  // the host's number of kWeightLayout
  uint32_t pointer_type = 0;   // of native types
  uint32_t team_type = 0;
  bp_cpu_team team_table{};
};

namespace bp::cpu {

// What [plugin.cpu] may say.
extern const bp_option kOptions[];
extern const uint32_t kOptionCount;

// Fills in what the machine is, without starting anything. `isa`: what the options allow.
void describe_device(bp_device_info* info, IsaLevel isa);
IsaLevel allowed_isa(const bp_host_api* host);
// Starts the thread team. Throws std::bad_alloc or std::system_error.
std::unique_ptr<bp_device> open_device(const bp_host_api* host);

bp_status device_heaps(bp_device* device, bp_heap* out, uint32_t stride, uint32_t cap, uint32_t* n,
                       bp_err* err) noexcept;

}  // namespace bp::cpu
