/* plugin.h as a C11 plugin sees it: layout, manifest note, BP_HAS.
 * After an intended change:  build/dev/bin/abi_layout_c_test --print > tests/plugin-api/abi_layout.golden */
#include <stdlib.h>

#include "layout_dump.h"
#include "own_note.h"

BP_MANIFEST("BKPLAN0", BP_ABI_MAJOR, BP_ABI_MAJOR, BP_ABI_MINOR, BP_ABI_MINOR, BP_KIND_DEVICE, BP_BUILD_ISA,
            BP_BUILD_SANITIZER, 0, "layout_c", "tests", "1.0", "layout", "libc.so.6", "install a C library", "", {0});

static int n_failed;
#define EXPECT(condition)                                                     \
  do {                                                                        \
    if (!(condition)) {                                                       \
      fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
      ++n_failed;                                                             \
    }                                                                         \
  } while (0)

static bp_status some_shutdown(bp_err* err) {
  (void)err;
  return BP_OK;
}

static void has_reads_the_tables_size(void) {
  bp_plugin_api api;
  const bp_plugin_api* none = NULL;
  memset(&api, 0, sizeof api);
  EXPECT(!BP_HAS(bp_plugin_api, none, shutdown));
  api.struct_size = sizeof api;
  EXPECT(!BP_HAS(bp_plugin_api, &api, shutdown));
  api.shutdown = some_shutdown;
  EXPECT(BP_HAS(bp_plugin_api, &api, shutdown));
  api.struct_size = offsetof(bp_plugin_api, shutdown); /* an older plugin: what lies behind is not its */
  EXPECT(!BP_HAS(bp_plugin_api, &api, shutdown));
  api.struct_size = sizeof api + 64; /* a newer one */
  EXPECT(BP_HAS(bp_plugin_api, &api, shutdown));
}

static void manifest_lands_in_a_note(void) {
  bp_manifest m;
  memset(&m, 0, sizeof m);
  EXPECT(find_own_manifest(&m) == 1);
  EXPECT(memcmp(&m, &bp_note_.m, sizeof m) == 0);
  EXPECT(memcmp(m.magic, "BKPLAN0", 8) == 0);
  EXPECT(strcmp(m.name, "layout_c") == 0);
  EXPECT(m.kinds == BP_KIND_DEVICE);
}

static void layout_is_the_golden_one(const char* layout, size_t gaps) {
  static char golden[1 << 16];
  EXPECT(gaps == 0); /* else layout_list.h lacks a member */
  EXPECT(read_golden(BP_SOURCE_DIR "/tests/plugin-api/abi_layout.golden", golden, sizeof golden));
  EXPECT(strcmp(layout, golden) == 0);
}

int main(int argc, char** argv) {
  static char layout[1 << 16];
  const size_t gaps = dump_layout(layout, sizeof layout);
  if (argc == 2 && strcmp(argv[1], "--print") == 0) {
    printf(
        "# Layout of plugin.h: struct and its bytes, then offset, bytes and name of each member.\n"
        "# Written by abi_layout_c_test --print. A changed line is a changed border.\n%s",
        layout);
    return gaps != 0;
  }
  layout_is_the_golden_one(layout, gaps);
  has_reads_the_tables_size();
  manifest_lands_in_a_note();
  return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
