#include <fmt/format.h>

#include "reference/call.h"

namespace bp {

// Of one rank, every collective is the identity.
Status ref_collective(const RefCall& call) {
  if (call.attr_int("world") != 1) {
    return fail(ErrorCode::kUnsupported, fmt::format("reference {}", call.op.name),
                fmt::format("it knows one rank, not {}", call.attr_int("world")), "use a device with collectives");
  }
  copy_bytes(call.in[0], call.out[0]);
  return {};
}

}  // namespace bp
