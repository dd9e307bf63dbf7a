// How fast a model will run, before it is loaded: its own programs are timed over random weights, and what share of the
// device's measured limits they reach is kept for the next time. Thread-safe: no state but the files of the cache.
#pragma once

#include <optional>
#include <string>

#include "engine/engine.h"
#include "perf/bench.h"
#include "perf/limits.h"
#include "perf/workload.h"

namespace bp {

// What a device reaches with the programs of one model. Limits and shares belong together: both were measured in one
// run.
struct Calibration {
  DeviceLimits limits;
  double decode_share = 0;   // of Workload::decode_tps
  double prefill_share = 0;  // of Workload::prefill_tps

  double decode_tps(const Workload& work, int batch, double context) const {
    return decode_share * work.decode_tps(limits, batch, context);
  }
  double prefill_tps(const Workload& work, int n_tokens, int depth) const {
    return prefill_share * work.prefill_tps(limits, n_tokens, depth);
  }
};

// Measures the limits, then runs `what` on an engine whose weights stand in for the model's (stand_in.h): memory for
// one layer's weights at least, a KV cache for `what` alone, no weight of the file. `options` as the engine will have
// them. Errors: kUnsupported where the device does not measure its limits; the engine's.
Result<Calibration> calibrate(const Model& model, Device& device, EngineOptions options, BenchCase what);

// Equal where a calibration holds again: the device and its driver, the kernels, their configurations, shapes and types
// of the two programs that `what` runs, its batch and prompt, and `settings`, the words that change how the device
// works. `rehearsal`: an engine of the model that rehearses.
Result<std::string> calibration_key(const Device& device, Executor& rehearsal, const BenchCase& what,
                                    std::string_view settings);

// Files of one folder, each a calibration. What cannot be read, whatever the reason, is not there.
std::optional<Calibration> find_calibration(const std::string& folder, const std::string& key);
Status keep_calibration(const std::string& folder, const std::string& key, const Calibration& calibration);

}  // namespace bp
