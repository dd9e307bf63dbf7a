#include "perf/forecast.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>

#include "base/json.h"
#include "base/mapped_file.h"
#include "base/output_file.h"
#include "base/sha256.h"
#include "perf/stand_in.h"

namespace bp {
namespace {

constexpr size_t kMaxFileBytes = 1 << 16;
constexpr std::string_view kFormat = "backplane calibration 1";

std::string path_of(const std::string& folder, const std::string& key) { return folder + "/" + key + ".json"; }

// A number of an object, kept only where it is one that a measurement gives.
std::optional<double> positive(const json::object& object, std::string_view name) {
  const json::value* found = object.if_contains(name);
  if (found == nullptr || !found->is_number()) return std::nullopt;
  const double value = found->to_number<double>();
  return std::isfinite(value) && value > 0 ? std::optional(value) : std::nullopt;
}

// Slow devices get fewer repeats: some seconds each.
int repeats_for(double seconds, int wanted) {
  return std::clamp(static_cast<int>(10 / std::max(seconds, 1e-3)), 1, wanted);
}

Result<BenchRow> timed(Engine& engine, const Model& model, const BenchCase& what, const DeviceLimits& limits) {
  BP_TRY(auto rows, bench_model(engine, model, what, &limits));
  return rows.empty() ? BenchRow{} : std::move(rows.front());
}

}  // namespace

Result<Calibration> calibrate(const Model& model, Device& device, EngineOptions options, BenchCase what) {
  Calibration found;
  BP_TRY(found.limits, measure_limits(device));
  options.rehearse = false;
  const auto stand_ins = std::make_shared<StandIns>();
  options.replace_weights = [stand_ins](Graph& graph) { stand_ins->replace(graph); };
  options.op_fallback = FallbackPolicy::kAllow;
  options.max_seqs = what.batch;
  options.max_context = what.depth + std::max(what.n_prompt, what.n_gen + 1);
  BP_TRY(const auto engine, Engine::create(model, &device, std::move(options)));
  BP_TRY(const Program* program, engine->executor().program(1));
  const Workload work = workload_of(program->graph());
  const BenchCase decode{.n_prompt = 0, .n_gen = what.n_gen, .batch = what.batch, .depth = what.depth, .repeats = 1};
  const double step = what.batch / work.decode_tps(found.limits, what.batch, what.depth);
  if (what.n_gen > 0) {
    BenchCase repeated = decode;
    repeated.repeats = repeats_for(step * what.n_gen * 1.5, what.repeats);
    BP_TRY(const BenchRow row, timed(*engine, model, repeated, found.limits));
    found.decode_share = row.limit_share();
  }
  if (what.n_prompt > 0) {
    BenchCase prefill{.n_prompt = what.n_prompt, .n_gen = 0, .batch = what.batch, .depth = what.depth};
    const double seconds = what.n_prompt * what.batch / work.prefill_tps(found.limits, what.n_prompt, what.depth) * 1.5;
    prefill.repeats = repeats_for(seconds, what.repeats);
    BP_TRY(const BenchRow row, timed(*engine, model, prefill, found.limits));
    found.prefill_share = row.limit_share();
  }
  return found;
}

Result<std::string> calibration_key(const Device& device, Executor& rehearsal, const BenchCase& what,
                                    std::string_view settings) {
  Sha256 hash;
  hash.update(kFormat);
  hash.update(std::as_bytes(std::span(device.info().fingerprint)));
  hash.update(fmt::format("|{}|{}|{}|{}|{}|", device.info().id, device.info().plugin, device.info().driver,
                          device.info().arch, settings));
  hash.update(fmt::format("{}x{}+{}@{}|", what.batch, what.n_prompt, what.n_gen, what.depth));
  const auto compiled = rehearsal.program_memory();
  if (compiled.empty()) return fail(ErrorCode::kFailed, "plan", "nothing is compiled");
  const int largest = compiled.back().first;
  for (const int n_tokens : {std::min(what.batch, largest), std::clamp(what.n_prompt, 1, largest)}) {
    BP_TRY(const Program* program, rehearsal.program(n_tokens));
    for (const StepInfo& step : program->steps()) {
      hash.update(fmt::format("{}|{}|{}|{}|{}\n", step.op, step.kernel, step.config, step.dtype, step.shape));
    }
  }
  return hash.finish();
}

std::optional<Calibration> find_calibration(const std::string& folder, const std::string& key) {
  const auto text = read_text_file(path_of(folder, key), kMaxFileBytes);
  if (!text) return std::nullopt;
  const auto document = parse_json(*text, "calibration");
  if (!document || !document->is_object()) return std::nullopt;
  const json::object& object = document->as_object();
  const json::value* format = object.if_contains("format");
  const json::value* rates = object.if_contains("matrix_ops_per_s");
  if (format == nullptr || !format->is_string() || format->as_string() != kFormat) return std::nullopt;
  const auto read = positive(object, "read_bytes_per_s");
  const auto decode = positive(object, "decode_share");
  const auto prefill = positive(object, "prefill_share");
  if (!read || !decode || !prefill || rates == nullptr || !rates->is_object()) return std::nullopt;
  Calibration found{{*read, {}}, *decode, *prefill};
  for (const auto& [name, value] : rates->as_object()) {
    const auto dtype = parse_dtype(std::string_view(name));
    const auto rate = positive(rates->as_object(), std::string_view(name));
    if (!dtype || !rate) return std::nullopt;
    found.limits.matrix_ops_per_s[*dtype] = *rate;
  }
  return found;
}

Status keep_calibration(const std::string& folder, const std::string& key, const Calibration& calibration) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return fail(ErrorCode::kFailed, folder, "cannot be made (" + error.message() + ")");
  json::object rates;
  for (const auto& [dtype, rate] : calibration.limits.matrix_ops_per_s) rates[dtype_name(dtype)] = rate;
  const std::string text = write_json(json::object{{"format", kFormat},
                                                   {"read_bytes_per_s", calibration.limits.read_bytes_per_s},
                                                   {"matrix_ops_per_s", rates},
                                                   {"decode_share", calibration.decode_share},
                                                   {"prefill_share", calibration.prefill_share}});
  BP_TRY(OutputFile file, OutputFile::create(path_of(folder, key)));
  BP_TRY_VOID(file.write(0, std::as_bytes(std::span(text))));
  return file.commit();
}

}  // namespace bp
