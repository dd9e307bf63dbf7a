#include <backplane/plugin.h>

BP_MANIFEST("BKPLAN0", 0, 0, BP_ABI_MINOR, BP_ABI_MINOR, BP_KIND_DEVICE, 0, 0, 0, "second", "tests", "1", "fake", "",
            "", "", {0});
