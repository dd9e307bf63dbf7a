// A plugin that hides nothing by itself, with symbols of every kind that a compiler likes to export.
#include <backplane/plugin.h>

#include <string>
#include <vector>

BP_MANIFEST("BKPLAN0", BP_ABI_MAJOR, BP_ABI_MAJOR, BP_ABI_MINOR, BP_ABI_MINOR, BP_KIND_DEVICE, BP_BUILD_ISA,
            BP_BUILD_SANITIZER, 0, "careless", "tests", "1.0", "careless", "", "", "", {0});

// A note of another alignment, and of a size that leaves the manifest at no multiple of 8.
struct OtherNote {
  uint32_t namesz, descsz, type;
  char owner[4];
  uint32_t desc;
};
__attribute__((section(".note.other"), used, aligned(8))) static const OtherNote other_note = {4, 4, 7, "OTH", 1};

extern "C" __attribute__((visibility("default"))) int careless_function(int x) { return x + 1; }
__attribute__((visibility("default"))) std::vector<std::string> careless_variable;

template <class T>
struct CarelessTemplate {
  static inline T unique{};
};
template struct __attribute__((visibility("default"))) CarelessTemplate<std::string>;

bp_status bp_plugin_entry_v0(const bp_host_api*, bp_plugin_api*, bp_err* err) noexcept {
  static std::string local_unique = CarelessTemplate<std::string>::unique;
  if (err != nullptr) err->code = BP_E_UNSUPPORTED;
  return BP_E_UNSUPPORTED + (careless_function(-1) + static_cast<int>(careless_variable.size() + local_unique.size()));
}
