// backplane tune MODEL
#include <fmt/format.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <optional>
#include <sstream>

#include "base/log.h"
#include "base/progress.h"
#include "cli/command.h"
#include "cli/host.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "compile/tuner.h"
#include "engine/device_programs.h"
#include "perf/step_runs.h"

namespace bp::cli {
namespace {

constexpr int kMostWorkers = 32;  // each of which something killed

struct TuneFlags {
  std::string model;
  std::vector<int> n_tokens;
  int batch = 0;  // sequences at once; 0: as configured
  int repeats = 5;
  double least_ms = 20;
  bool in_process = false;
};

json::object tuned_to_json(const TunedKernel& kernel) {
  json::object out{{"kernel", kernel.kernel},
                   {"problem", kernel.problem},
                   {"config", kernel.config},
                   {"default_us", kernel.default_us},
                   {"us", kernel.us},
                   {"n_launches", kernel.n_launches},
                   {"in_steps", kernel.in_steps},
                   {"n_tried", kernel.n_tried},
                   {"n_failed", kernel.n_failed},
                   {"n_wrong", kernel.n_wrong},
                   {"n_skipped", kernel.n_skipped}};
  if (!kernel.why.empty()) out["why"] = kernel.why;
  return out;
}

std::string tuned_to_text(const TunerReport& report) {
  std::string text =
      fmt::format("{:<24} {:>10} {:>10} {:>7}  {}\n", "KERNEL", "BEFORE us", "AFTER us", "GAIN", "PROBLEM");
  double before = 0;
  double after = 0;
  for (const TunedKernel& kernel : report.kernels) {
    if (!kernel.why.empty()) {
      text += fmt::format("{:<24} not tuned: {}\n", kernel.kernel, kernel.why);
      continue;
    }
    before += kernel.default_us * static_cast<double>(kernel.n_launches);
    after += kernel.us * static_cast<double>(kernel.n_launches);
    text += fmt::format("{:<24} {:>10.1f} {:>10.1f} {:>6.1f}%  {}\n", kernel.kernel, kernel.default_us, kernel.us,
                        100 * (1 - kernel.us / kernel.default_us), kernel.problem);
    if (kernel.gained()) text += fmt::format("{:<24} {}\n", "", kernel.config);
  }
  if (before > 0)
    text += fmt::format("{:<24} {:>10.1f} {:>10.1f} {:>6.1f}%  each launch of the programs once\n", "all", before,
                        after, 100 * (1 - after / before));
  for (const TunedStep& step : report.steps) {
    text += fmt::format("{:<24} {:>10.1f} {:>10.1f} {:>6.1f}%  of {} tokens, as it is kept\n", "a whole step",
                        step.default_us, step.us, 100 * (1 - step.us / step.default_us), step.n_tokens);
  }
  return text;
}

// The programs of the buckets that the sizes fall into, and how they are run again.
Status add_programs(Tuner& tuner, RunningModel& running, std::vector<int> sizes, const EngineOptions& options) {
  const std::vector<int> buckets = bucket_sizes(options.buckets, options.max_batch_tokens);
  if (sizes.empty()) sizes = buckets;
  std::vector<const Program*> known;
  for (const int size : sizes) {
    const int bucket = *std::ranges::lower_bound(buckets, std::min(size, buckets.back()));
    Program* program = nullptr;
    if (running.is_encoder()) {
      BP_TRY(program, running.embedder->program(bucket));
    } else {
      BP_TRY(program, running.engine->executor().program(bucket));
    }
    if (std::ranges::find(known, program) != known.end()) continue;
    std::vector<RunAgain> runs;
    if (running.is_encoder()) {
      runs = step_runs(*running.embedder, *running.model, options, bucket);
    } else {
      BP_TRY(runs, step_runs(*running.engine, *running.model, options, bucket));
    }
    known.push_back(program);
    tuner.add(*program, std::move(runs));
  }
  return {};
}

Status tune_here(const GlobalOptions& global, const TuneFlags& flags) {
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  BP_TRY(const auto host, Host::create(global));
  BP_TRY(RunningModel running, open_model(*host, flags.model));
  if (running.device == nullptr)
    return fail(ErrorCode::kUsage, "reference", "has nothing to tune", "name a device with --device");
  BP_TRY(EngineOptions options, host->engine_options());
  if (flags.batch > 0) options.max_seqs = flags.batch;
  BP_TRY_VOID(start_either(*host, running, [&](EngineOptions& o) {
    o.tuning = TuningUse::kOff;
    o.max_seqs = options.max_seqs;
  }));
  // As the engine and the embedder have it.
  options.max_batch_tokens = std::max(options.max_batch_tokens, options.max_seqs);
  if (running.is_encoder())
    options.max_batch_tokens = std::max(options.max_batch_tokens, running.embedder->max_tokens());
  Tuning tuning(*running.device, options.tuning_folder, options.deterministic);
  std::optional<Progress> bar;
  TunerOptions how;
  how.repeats = flags.repeats;
  how.least_us = flags.least_ms * 1000;
  how.progress = [&](size_t done, size_t total) {
    if (!bar) {
      ProgressStyle style = progress_style(global.no_progress);
      style.counted = "problems";
      bar.emplace(std::move(style), "tuning", total);
    }
    bar->update(done);
    if (done == total) bar->finish();
  };
  how.stop = interrupt_token();
  BP_TRY(const auto tuner, Tuner::create(tuning, std::move(how)));
  BP_TRY_VOID(add_programs(*tuner, running, flags.n_tokens, options));
  BP_TRY(const TunerReport report, tuner->run());
  if (!global.json && report.kernels.empty())
    return print(fmt::format("no kernel that {} runs on {} has tunables\n", flags.model, running.device_id()));
  if (!global.json) return print(tuned_to_text(report));
  json::array rows, steps;
  for (const TunedKernel& kernel : report.kernels) rows.push_back(tuned_to_json(kernel));
  for (const TunedStep& step : report.steps)
    steps.push_back(json::object{{"n_tokens", step.n_tokens}, {"default_us", step.default_us}, {"us", step.us}});
  return print_json(json::object{{"device", running.device_id()}, {"kernels", rows}, {"steps", steps}});
}

// This process's own command line.
std::vector<std::string> own_arguments() {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  std::vector<std::string> arguments;
  for (std::string word; std::getline(file, word, '\0');) arguments.push_back(word);
  return arguments;
}

Result<int> run_worker() {
  std::vector<std::string> arguments = own_arguments();
  if (arguments.size() < 3) return fail(ErrorCode::kFailed, "tune", "cannot read its own command line");
  arguments.insert(arguments.begin() + 2, "--in-process");  // behind "tune"
  std::vector<char*> argv;
  for (std::string& word : arguments) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_t child = 0;
  if (const int error = ::posix_spawn(&child, "/proc/self/exe", nullptr, nullptr, argv.data(), environ); error != 0)
    return fail(ErrorCode::kFailed, "tune", fmt::format("cannot start a worker ({})", std::strerror(error)));
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    const int error = errno;
    if (error != EINTR)
      return fail(ErrorCode::kFailed, "tune", fmt::format("lost its worker ({})", std::strerror(error)));
    if (interrupted()) ::kill(child, SIGTERM);  // who sent it to this process alone
  }
  return status;
}

ErrorCode code_of_exit(int exit) {
  for (const ErrorCode code :
       {ErrorCode::kFailed, ErrorCode::kUsage, ErrorCode::kConfig, ErrorCode::kRefused, ErrorCode::kUnsupported,
        ErrorCode::kDevice, ErrorCode::kOutOfMemory, ErrorCode::kInterrupted}) {
    if (exit_code(code) == exit) return code;
  }
  return ErrorCode::kFailed;
}

// The work is done by a child, which a configuration may kill; the next one skips that.
Status tune(const GlobalOptions& global, const TuneFlags& flags) {
  if (flags.in_process) return tune_here(global, flags);
  interrupted();  // from here on it is the worker that stops
  for (int worker = 0; worker < kMostWorkers; ++worker) {
    BP_TRY(const int status, run_worker());
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
    // The worker has said what was wrong.
    if (WIFEXITED(status)) return fail(code_of_exit(WEXITSTATUS(status)), "", "");
    const int signal = WTERMSIG(status);
    if (interrupted() || signal == SIGTERM || signal == SIGINT || signal == SIGHUP)
      return fail(ErrorCode::kInterrupted, "tune", "interrupted", "what was found is kept");
    log::warn("tune: a configuration ended the process ({}); it is skipped from now on", ::strsignal(signal));
  }
  return fail(ErrorCode::kDevice, "tune", fmt::format("{} processes in a row were killed", kMostWorkers),
              "report this to the plugin's author");
}

}  // namespace

void add_tune(CLI::App& app, Invocation& invocation) {
  auto flags = std::make_shared<TuneFlags>();
  CLI::App* command = add_command(app, invocation, "tune",
                                  "Find the fastest configuration of each kernel that a model uses, and keep it",
                                  "backplane tune smollm2-135m-instruct --tokens 1 --json");
  command->add_option("model", flags->model, "A GGUF file, a Hugging Face folder, or a name of the zoo")->required();
  command->add_option("--tokens", flags->n_tokens, "Sizes of the steps to tune for; repeatable; all buckets otherwise")
      ->check(CLI::Range(1, 1 << 20))
      ->allow_extra_args(false);
  command->add_option("-b", flags->batch, "Sequences at once, as the model will be run; engine.max_seqs otherwise")
      ->check(CLI::Range(1, 4096));
  command->add_option("--repeats", flags->repeats, "Comparisons of a configuration with the default, at least")
      ->check(CLI::Range(1, 1000));
  command
      ->add_option("--least-ms", flags->least_ms, "Milliseconds that one timing of a kernel by itself takes at least")
      ->check(CLI::Range(0.001, 10000.0));
  command->add_flag("--in-process", flags->in_process, "Without a process of its own for what may crash");
  command->callback([flags, &invocation] {
    invocation.work = [flags](const GlobalOptions& global) { return tune(global, *flags); };
  });
}

}  // namespace bp::cli
