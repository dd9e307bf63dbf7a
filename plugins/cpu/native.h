// Extension native/1: addresses of memory, and the thread team, for attached plugins (backplane/cpu_native.h).
#pragma once

#include <backplane/cpu_native.h>

namespace bp::cpu {

class ThreadTeam;

extern const bp_ext_native kNative;
// The team as attached plugins see it; valid as long as the team.
bp_cpu_team team_for_others(ThreadTeam& team);

}  // namespace bp::cpu
