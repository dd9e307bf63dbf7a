// backplane bench MODEL, backplane bench ops MODEL, backplane bench limits
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <climits>

#include "cli/command.h"
#include "cli/host.h"
#include "cli/output.h"
#include "perf/bench.h"
#include "perf/limits.h"
#include "perf/op_bench.h"

namespace bp::cli {
namespace {

struct BenchFlags {
  std::string model;
  std::string of_ops;  // whose kernels are timed
  int n_tokens = 1;
  std::vector<std::string> versus;  // settings of a second engine, "key=value"
  BenchCase what;
};

json::object to_json(const BenchRow& row) {
  return {{"test", row.test},           {"n_prompt", row.n_prompt},
          {"n_gen", row.n_gen},         {"depth", row.depth},
          {"batch", row.batch},         {"tps_median", row.tps_median},
          {"tps_min", row.tps_min},     {"tps_max", row.tps_max},
          {"limit_tps", row.limit_tps}, {"limit_share", row.limit_share()},
          {"gap_us", row.gap_us}};
}

Status limits(const GlobalOptions& global) {
  BP_TRY(const auto host, Host::create(global));
  BP_TRY(const auto device, host->open_device());
  if (device == nullptr)
    return fail(ErrorCode::kUsage, "reference", "has no limits worth measuring", "name a device with --device");
  BP_TRY(const DeviceLimits measured, measure_limits(*device));
  json::object rates;
  std::string text = fmt::format("{} {}\nread    {:8.1f} GB/s\n", device->info().id, device->info().name,
                                 measured.read_bytes_per_s / 1e9);
  for (const auto& [dtype, rate] : measured.matrix_ops_per_s) {
    rates[dtype_name(dtype)] = rate / 1e9;
    text += fmt::format("{:<7} {:8.1f} GFLOP/s\n", dtype_name(dtype), rate / 1e9);
  }
  if (!global.json) return print(text);
  return print_json(json::object{{"read_gbps", measured.read_bytes_per_s / 1e9}, {"matrix_gflops", rates}});
}

Status time_ops(const GlobalOptions& global, const BenchFlags& flags) {
  if (flags.of_ops.empty())
    return fail(ErrorCode::kUsage, "bench ops", "names no model", "say whose kernels: backplane bench ops MODEL");
  BP_TRY(const auto host, Host::create(global));
  BP_TRY(RunningModel running, open_model(*host, flags.of_ops));
  if (running.device == nullptr)
    return fail(ErrorCode::kUsage, "reference", "has no kernels", "name a device with --device");
  BP_TRY(const Program* program, start_program(*host, running, flags.n_tokens, [](EngineOptions&) {}));
  BP_TRY(const auto rows, bench_ops(*program, flags.what.repeats));
  json::array table;
  std::string text = fmt::format("{:<24} {:>10} {:>8} {:>9}  {}\n", "KERNEL", "us", "GB/s", "GFLOP/s", "PROBLEM");
  for (const OpBenchRow& row : rows) {
    table.push_back(json::object{{"kernel", row.kernel},
                                 {"problem", row.problem},
                                 {"us", row.us},
                                 {"gbps", row.gb_per_s},
                                 {"gflops", row.gflop_per_s},
                                 {"why", row.why}});
    text += row.why.empty() ? fmt::format("{:<24} {:>10.1f} {:>8.1f} {:>9.1f}  {}\n", row.kernel, row.us, row.gb_per_s,
                                          row.gflop_per_s, row.problem)
                            : fmt::format("{:<24} not timed: {}\n", row.kernel, row.why);
  }
  return global.json ? print_json(json::object{{"rows", table}}) : print(text);
}

constexpr char kRowTitles[] = "TEST      DEPTH  BATCH        T/S        MIN        MAX      LIMIT   SHARE  GAP us";

std::string line_of(const BenchRow& row) {
  return fmt::format("{:<8} {:>6} {:>6} {:>10.2f} {:>10.2f} {:>10.2f} {:>10.2f} {:>6.1f}% {:>7.0f}", row.test,
                     row.depth, row.batch, row.tps_median, row.tps_min, row.tps_max, row.limit_tps,
                     100 * row.limit_share(), row.gap_us);
}

// Both settings in turn, in one process.
Status compare(const GlobalOptions& global, const BenchFlags& flags, const RunningModel& running,
               const DeviceLimits* limits) {
  GlobalOptions other = global;
  other.settings.insert(other.settings.end(), flags.versus.begin(), flags.versus.end());
  BP_TRY(const auto host, Host::create(other));
  BP_TRY(const RunningModel versus,
         start_model(*host, flags.model, [&](EngineOptions& options) { options.max_seqs = flags.what.batch; }));
  const DeviceLimits* versus_limits = versus.device_id() == running.device_id() ? limits : nullptr;
  BP_TRY(const auto pairs,
         bench_pairs(*running.engine, *versus.engine, *running.model, flags.what, limits, versus_limits));
  const std::string name = fmt::format("{}", fmt::join(flags.versus, " "));
  json::array rows;
  std::string text = fmt::format("{} on {}; versus {} on {}\n{}\n", flags.model, running.device_id(), name,
                                 versus.device_id(), kRowTitles);
  for (const BenchPair& pair : pairs) {
    json::object row = to_json(pair.row);
    row["versus"] = to_json(pair.versus);
    row["ratio"] = pair.ratio;
    row["ratio_quartiles"] = json::array{pair.ratio_low, pair.ratio_high};
    rows.push_back(std::move(row));
    text += fmt::format("{}\n{}  {}\n{:<8} {:.3f} times the tokens/s (quartiles {:.3f} to {:.3f}, {} pairs)\n",
                        line_of(pair.row), line_of(pair.versus), name, "", pair.ratio, pair.ratio_low, pair.ratio_high,
                        std::max(flags.what.repeats, 1));
  }
  return global.json ? print_json(json::object{{"rows", rows}}) : print(text);
}

Status bench(const GlobalOptions& global, const BenchFlags& flags) {
  if ((flags.model == "limits" || flags.model == "ops") && !flags.versus.empty())
    return fail(ErrorCode::kUsage, "--versus", fmt::format("compares nothing of `bench {}`", flags.model),
                "name a model: backplane bench MODEL --versus KEY=VALUE");
  if (flags.model == "ops") return time_ops(global, flags);
  if (!flags.of_ops.empty())
    return fail(ErrorCode::kUsage, flags.of_ops, "is one word too many", "name one model, `ops MODEL`, or `limits`");
  if (flags.model == "limits") return limits(global);
  BP_TRY_VOID(check_bench_case(flags.what, INT_MAX));
  BP_TRY(const auto host, Host::create(global));
  BP_TRY(const RunningModel running,
         start_model(*host, flags.model, [&](EngineOptions& options) { options.max_seqs = flags.what.batch; }));
  BP_TRY_VOID(check_bench_case(flags.what, running.engine->max_context()));
  std::optional<DeviceLimits> measured;
  if (running.device != nullptr) {
    if (auto found = measure_limits(*running.device); found.has_value()) measured = std::move(*found);
  }
  const DeviceLimits* limits = measured ? &*measured : nullptr;
  if (!flags.versus.empty()) return compare(global, flags, running, limits);
  BP_TRY(const auto rows, bench_model(*running.engine, *running.model, flags.what, limits));
  json::array table;
  std::string text =
      fmt::format("{} on {}, loaded in {:.0f} ms\n{}\n", flags.model, running.device_id(), running.load_ms, kRowTitles);
  for (const BenchRow& row : rows) {
    table.push_back(to_json(row));
    text += line_of(row) + "\n";
  }
  return global.json ? print_json(json::object{{"rows", table}}) : print(text);
}

}  // namespace

void add_bench(CLI::App& app, Invocation& invocation) {
  auto flags = std::make_shared<BenchFlags>();
  CLI::App* command =
      add_command(app, invocation, "bench", "Time prompts and generation, beside the device's measured limits",
                  "backplane bench smollm2-135m-instruct -p 512 -n 64 --json");
  command
      ->add_option("model", flags->model,
                   "A model; `ops` and a model: its kernels one by one; or `limits`: the device's rates")
      ->required();
  command->add_option("of", flags->of_ops, "After `ops`: the model whose kernels are timed");
  command->add_option("--tokens", flags->n_tokens, "After `ops`: size of the step")->check(CLI::Range(1, 1 << 20));
  command->add_option("-p", flags->what.n_prompt, "Prompt tokens")->check(CLI::Range(0, 1 << 24));
  command->add_option("-n", flags->what.n_gen, "Tokens to generate")->check(CLI::Range(0, 1 << 24));
  command->add_option("-b", flags->what.batch, "Sequences at once")->check(CLI::Range(1, 4096));
  command->add_option("-d", flags->what.depth, "Tokens of context before")->check(CLI::Range(0, 1 << 24));
  command->add_option("-r", flags->what.repeats, "Repeats; the median counts")->check(CLI::Range(1, 1000));
  command
      ->add_option("--versus", flags->versus,
                   "KEY=VALUE, repeatable: a second engine with these settings, both in turn; ratios of tokens/s")
      ->allow_extra_args(false);
  command->callback([flags, &invocation] {
    invocation.work = [flags](const GlobalOptions& global) { return bench(global, *flags); };
  });
}

}  // namespace bp::cli
