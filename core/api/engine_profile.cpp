#include "perf/profile.h"

#include <backplane/api/profile.h>
#include <fmt/format.h>

#include <optional>

#include "api/engine_state.h"
#include "api/raise.h"
#include "perf/profile_output.h"

namespace bp::api {

Profile profile(Engine& engine, const ProfileOptions& options) {
  auto& state = EngineAccess::state(engine);
  if (state.answers)
    raise(ErrorCode::kUsage, "profile", "this engine is answering already", "wait until the call has returned");
  if (options.n_prompt < 0 || options.n_gen < 0 || options.depth < 0) {
    raise(ErrorCode::kUsage, "ProfileOptions",
          fmt::format("has n_prompt = {}, n_gen = {}, depth = {}", options.n_prompt, options.n_gen, options.depth),
          "give 0 or more");
  }
  const ProfileCase what{options.n_prompt, options.n_gen, 1, options.depth};
  unwrap(check_profile_case(what, state.engine->max_context()));
  std::optional<DeviceLimits> limits;
  if (options.limits && state.device.get() != nullptr) {
    if (auto measured = measure_limits(*state.device.get()); measured.has_value()) limits = std::move(*measured);
  }
  const bp::Profile made =
      unwrap(bp::profile(*state.engine, state.model, state.device.get(), what, limits ? &*limits : nullptr));
  Profile given;
  for (const bp::ProfilePhase& phase : made.phases) {
    given.phases.push_back({phase.name, phase.n_steps, phase.n_tokens, phase.step_us, phase.launch_us});
    for (const bp::ProfileOp& op : phase.ops) {
      given.ops.push_back({phase.name, op.op, op.scope, op.kernel, op.device, op.dtype, op.shape, op.weight,
                           op.times.count(), op.times.total(), op.times.mean(), op.times.p50(), op.times.max(),
                           op.step_share, op.bytes, op.flops, op.roofline_share()});
    }
  }
  given.json = write_json(profile_json(made));
  given.trace = profile_trace(made);
  given.html = profile_html(made);
  return given;
}

}  // namespace bp::api
