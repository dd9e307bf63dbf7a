// Compiled in later standards than C++17: the headers must stay clean there.
#include <backplane/plugin_op.hpp>

static_assert(sizeof(bp_err) == 512);
