// Lets an exception out of its entry.
#include <backplane/plugin.h>

#include <stdexcept>

BP_MANIFEST("BKPLAN0", 0, 0, BP_ABI_MINOR, BP_ABI_MINOR, BP_KIND_DEVICE, BP_BUILD_ISA, BP_BUILD_SANITIZER, 0, "throws",
            "tests", "1", "fake", "", "", "", {0});

namespace {

[[noreturn, gnu::noinline]] void fail() { throw std::runtime_error("thrown by a plugin"); }

}  // namespace

BP_EXPORT bp_status bp_plugin_entry_v0(const bp_host_api*, bp_plugin_api*, bp_err*) noexcept { fail(); }
