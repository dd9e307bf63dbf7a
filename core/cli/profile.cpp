// backplane profile MODEL
#include <fmt/format.h>

#include <climits>
#include <filesystem>

#include "base/output_file.h"
#include "cli/command.h"
#include "cli/host.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "perf/limits.h"
#include "perf/profile.h"
#include "perf/profile_output.h"

namespace bp::cli {
namespace {

struct ProfileFlags {
  std::string model, html, trace;
  std::string by = "part";
  bool no_limits = false;
  ProfileCase what;
};

std::string line_of(const ProfileRow& row) {
  const double n = static_cast<double>(std::max<int64_t>(1, row.times.count()));
  const double share = row.roofline_share();
  return fmt::format(
      "{:<34} {:>6} {:>9.2f} {:>6.1f}% {:>9.1f} {:>9.1f} {:>9.1f} {:>9.3f} {:>7.1f} {:>8.1f} {:>8.2f} {:>7}\n",
      row.name.substr(0, 34), row.times.count(), row.times.total() / 1e3, 100 * row.step_share, row.times.mean(),
      row.times.p50(), row.times.max(), row.bytes / n / 1e6, row.bytes_per_s() / 1e9, row.flops_per_s() / 1e9,
      row.intensity(), share > 0 ? fmt::format("{:.1f}%", 100 * share) : "-");
}

std::string table_of(const ProfilePhase& phase, const std::string& by) {
  const double n = std::max(1, phase.n_steps);
  std::string text = fmt::format(
      "\n{}: {} steps of {:.3f} ms, {:.2f} tokens/s; launches {:.3f} ms ({:.1f} %), host {:.3f} ms ({:.1f} %)\n",
      phase.name, phase.n_steps, phase.step_us / n / 1e3, phase.tokens_per_s(), phase.launch_us / n / 1e3,
      100 * phase.launch_us / phase.step_us, phase.host_us() / n / 1e3, 100 * phase.host_us() / phase.step_us);
  text +=
      fmt::format("{:<34} {:>6} {:>9} {:>7} {:>9} {:>9} {:>9} {:>9} {:>7} {:>8} {:>8} {:>7}\n", "NAME", "COUNT",
                  "TOTAL ms", "STEP", "MEAN us", "P50 us", "MAX us", "MB EACH", "GB/s", "GFLOP/s", "FLOP/B", "ROOF");
  if (by == "launch") {
    for (const ProfileOp& op : phase.ops) text += line_of(op);
    return text;
  }
  const auto& rows = by == "op"       ? phase.by_op
                     : by == "kernel" ? phase.by_kernel
                     : by == "layer"  ? phase.by_layer
                                      : phase.by_part;
  for (const ProfileRow& row : rows) text += line_of(row);
  return text;
}

const char* how_timed(LaunchClock clock) {
  if (clock == LaunchClock::kHost) return "the host's clock around each launch";
  if (clock == LaunchClock::kEvents) return "pairs of events of the device";
  return "a drained queue around each launch, which adds the way there and back: the device has no timing events";
}

std::string text_of(const Profile& profile, const std::string& by) {
  std::string text = fmt::format("{} on {} ({}), timed by {}\n", profile.model, profile.device, profile.device_name,
                                 how_timed(profile.clock));
  for (const ProfilePhase& phase : profile.phases) text += table_of(phase, by);
  const ProfileMemory& memory = profile.memory;
  text += fmt::format(
      "\nmemory: weights {:.2f} MB; KV {:.2f} MB in use at most, {:.2f} reserved; activations and scratch {:.2f} MB at "
      "most, {:.2f} reserved\n",
      static_cast<double>(memory.weight_bytes) / 1e6, static_cast<double>(memory.kv_peak_bytes) / 1e6,
      static_cast<double>(memory.kv_bytes) / 1e6, static_cast<double>(memory.arena_peak_bytes) / 1e6,
      static_cast<double>(memory.arena_bytes) / 1e6);
  return text;
}

// However it is spelt.
std::filesystem::path file_at(const std::string& path) {
  std::error_code error;
  return std::filesystem::weakly_canonical(std::filesystem::absolute(path, error), error);
}

// Made before the model is loaded, so that a file that cannot be written costs no run.
Result<std::optional<OutputFile>> output(const std::string& path) {
  if (path.empty()) return std::nullopt;
  BP_TRY(OutputFile file, OutputFile::create(path));
  return file;
}

Status fill(std::optional<OutputFile>& file, const std::string& text) {
  BP_TRY_VOID(file->write(0, std::as_bytes(std::span(text))));
  return file->commit();
}

Status profile_command(const GlobalOptions& global, ProfileFlags flags) {
  BP_TRY_VOID(check_profile_case(flags.what, INT_MAX));
  flags.what.stop = interrupt_token();  // stops by itself, and leaves no half of a file
  if (!flags.html.empty() && !flags.trace.empty() && file_at(flags.html) == file_at(flags.trace)) {
    return fail(ErrorCode::kUsage, "--trace", fmt::format("names the file of --html ({})", flags.html),
                "name another file");
  }
  BP_TRY(auto html, output(flags.html));
  BP_TRY(auto trace, output(flags.trace));
  BP_TRY(const auto host, Host::create(global));
  BP_TRY(const RunningModel running,
         start_model(*host, flags.model, [&](EngineOptions& options) { options.max_seqs = flags.what.batch; }));
  std::optional<DeviceLimits> limits;
  BP_TRY_VOID(check_profile_case(flags.what, running.engine->max_context()));
  if (running.device != nullptr && !flags.no_limits) {
    if (auto measured = measure_limits(*running.device); measured.has_value()) limits = std::move(*measured);
  }
  BP_TRY(const Profile made,
         profile(*running.engine, *running.model, running.device.get(), flags.what, limits ? &*limits : nullptr));
  if (html) BP_TRY_VOID(fill(html, profile_html(made)));
  if (trace) BP_TRY_VOID(fill(trace, profile_trace(made)));
  return global.json ? print_json(profile_json(made)) : print(text_of(made, flags.by));
}

}  // namespace

void add_profile(CLI::App& app, Invocation& invocation) {
  auto flags = std::make_shared<ProfileFlags>();
  CLI::App* command = add_command(app, invocation, "profile", "Show where the time of a model's steps goes",
                                  "backplane profile smollm2-135m-instruct -p 128 -n 16 --html profile.html");
  command->add_option("model", flags->model, "A GGUF file, a Hugging Face folder, or a name of the zoo")->required();
  command->add_option("-p", flags->what.n_prompt, "Prompt tokens; 0: none")->check(CLI::Range(0, 1 << 24));
  command->add_option("-n", flags->what.n_gen, "Tokens to generate; 0: none")->check(CLI::Range(0, 1 << 24));
  command->add_option("-b", flags->what.batch, "Sequences at once")->check(CLI::Range(1, 4096));
  command->add_option("-d", flags->what.depth, "Tokens of context before")->check(CLI::Range(0, 1 << 24));
  command->add_option("--by", flags->by, "What a row of the table is: part, op, kernel, layer or launch")
      ->check(CLI::IsMember({"part", "op", "kernel", "layer", "launch"}));
  command->add_flag("--no-limits", flags->no_limits, "Do not measure the device's limits first: no rooflines");
  command->add_option("--html", flags->html, "Write a report to this file")->type_name("FILE");
  command->add_option("--trace", flags->trace, "Write a trace for Perfetto to this file")->type_name("FILE");
  command->callback([flags, &invocation] {
    invocation.work = [flags](const GlobalOptions& global) { return profile_command(global, *flags); };
  });
}

}  // namespace bp::cli
