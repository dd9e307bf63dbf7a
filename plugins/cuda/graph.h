// "graph/1": a stream's launches captured and replayed as one CUDA graph.
#pragma once

#include <backplane/plugin.h>

namespace bp::cuda {

extern const bp_ext_graph kGraphApi;

}  // namespace bp::cuda
