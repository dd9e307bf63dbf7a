// backplane plan MODEL
#include <fmt/format.h>

#include "base/cache_folder.h"
#include "base/log.h"
#include "base/process_memory.h"
#include "cli/command.h"
#include "cli/host.h"
#include "cli/output.h"
#include "perf/fit.h"
#include "perf/forecast.h"

namespace bp::cli {
namespace {

struct PlanFlags {
  std::string model;
  int batch = 0;
  BenchCase what{.n_prompt = 512, .n_gen = 16, .repeats = 5};
  bool no_speed = false;
  bool measure = false;
  bool prompt_given = false;
};

// What is asked of the model, and what was found.
struct Plan {
  MemoryUsage memory;
  uint64_t available_bytes = 0;
  Fit fit;
  int max_context = 0;
  int64_t kv_tokens = 0;
  std::vector<std::pair<int, ProgramMemory>> programs;  // by the largest token count
  std::optional<Calibration> calibration;
  double decode_tps = 0, prefill_tps = 0;
};

double bits_per_weight(const Model& model) {
  double bits = 0, elements = 0;
  for (const auto& [name, view] : model.weights().all()) {
    double n = 1;
    for (const int64_t dim : view.dims) n *= static_cast<double>(dim);
    bits += 8.0 * static_cast<double>(view.bytes.size());
    elements += n;
  }
  return elements > 0 ? bits / elements : 0;
}

// What the plugins were told: it may change how fast the device is.
std::string plugin_settings(const Config& config) {
  std::string text;
  for (const PluginSetting& setting : config.plugin_settings)
    text += setting.setting.key + "=" + setting.setting.plain + ";";
  return text;
}

Result<Calibration> calibration_of(const Host& host, const RunningModel& running, Executor& rehearsal,
                                   const EngineOptions& options, const PlanFlags& flags) {
  BP_TRY(const std::string key,
         calibration_key(*running.device, rehearsal, flags.what, plugin_settings(host.config())));
  const std::string folder = cache_folder(host.config().models.cache_dir, "calibration");
  if (!flags.measure && !folder.empty()) {
    if (auto kept = find_calibration(folder, key)) return std::move(*kept);
  }
  BP_TRY(Calibration found, calibrate(*running.model, *running.device, options, flags.what));
  if (folder.empty()) return found;
  if (const auto kept = keep_calibration(folder, key, found); !kept) log::warn("{}", kept.error().message());
  return found;
}

// Errors only where the model cannot be planned; speeds that cannot be told are left out, with a warning.
Status plan_decoder(Host& host, RunningModel& running, const EngineOptions& options, PlanFlags flags, Plan& plan) {
  EngineOptions rehearsing = options;
  rehearsing.rehearse = true;
  BP_TRY(const auto engine, Engine::create(*running.model, running.device.get(), rehearsing));
  Executor& executor = engine->executor();
  BP_TRY_VOID(executor.compile_all());
  plan.memory = executor.memory();
  plan.max_context = engine->max_context();
  plan.kv_tokens = int64_t{executor.n_pages()} * options.page_size;
  plan.programs = executor.program_memory();
  if (running.device == nullptr || flags.no_speed) return {};
  const int left = plan.max_context - flags.what.depth;  // of the context
  if (left < 3 && flags.what.depth == 0) {
    log::warn("no speeds: a context of {} tokens is too short to time; raise engine.max_context", plan.max_context);
    return {};
  }
  if (left < 3 || (flags.prompt_given && flags.what.n_prompt > left)) {
    return fail(
        ErrorCode::kUsage, "plan",
        fmt::format("needs {} tokens of context, there are {}",
                    int64_t{flags.what.depth} + (flags.prompt_given ? flags.what.n_prompt : 3), plan.max_context),
        "lower -p or -d, or raise engine.max_context or kv.memory_fraction");
  }
  flags.what.n_prompt = std::min(flags.what.n_prompt, flags.prompt_given ? left : left - 1);
  flags.what.n_gen = std::min(flags.what.n_gen, left - 2);
  auto found = calibration_of(host, running, executor, options, flags);
  if (!found) {
    log::warn("no speeds: {}", found.error().message());
    return {};
  }
  BP_TRY(const Program* program, executor.program(1));
  const Workload work = workload_of(program->graph());
  const BenchCase& what = flags.what;
  plan.decode_tps = found->decode_tps(work, what.batch, what.depth + what.n_gen / 2.0);
  plan.prefill_tps = found->prefill_tps(work, what.n_prompt, what.depth);
  plan.calibration = std::move(*found);
  return {};
}

Status plan_encoder(RunningModel& running, EngineOptions options, Plan& plan) {
  options.rehearse = true;
  BP_TRY(const auto embedder, Embedder::create(*running.model, running.device.get(), options));
  BP_TRY_VOID(embedder->compile_all());
  plan.memory = embedder->memory();
  plan.max_context = embedder->max_tokens();
  plan.programs = embedder->program_memory();
  return {};
}

json::object to_json(const Plan& plan, const RunningModel& running) {
  const MemoryUsage& m = plan.memory;
  json::array programs;
  for (const auto& [n_tokens, memory] : plan.programs) {
    programs.push_back(json::object{{"n_tokens", n_tokens},
                                    {"naive", memory.naive_bytes},
                                    {"arena", memory.arena_bytes},
                                    {"lower_bound", memory.arena_lower_bound_bytes}});
  }
  json::object document{{"weights", m.weights},
                        {"activations", m.activations},
                        {"workspace", m.workspace},
                        {"kv", m.kv},
                        {"staging", m.staging},
                        {"driver", m.driver},
                        {"total", m.total()},
                        {"in_place", m.in_place},
                        {"loading", m.loading},
                        {"available", plan.available_bytes},
                        {"fits", plan.fit.fits},
                        {"fix", plan.fit.fix},
                        {"max_context", plan.max_context},
                        {"kv_tokens", plan.kv_tokens},
                        {"device", running.device_id()},
                        {"programs", programs},
                        {"decode_tps", nullptr},
                        {"prefill_tps", nullptr}};
  if (plan.calibration) {
    document["decode_tps"] = plan.decode_tps;
    document["prefill_tps"] = plan.prefill_tps;
    document["decode_share"] = plan.calibration->decode_share;
    document["prefill_share"] = plan.calibration->prefill_share;
    document["read_gbps"] = plan.calibration->limits.read_bytes_per_s / 1e9;
  }
  return document;
}

std::string to_text(const Plan& plan, const RunningModel& running) {
  const auto line = [](const char* name, uint64_t bytes, const char* what) {
    return fmt::format("{:<12} {:>10.1f} MiB  {}\n", name, static_cast<double>(bytes) / (1 << 20), what);
  };
  const MemoryUsage& m = plan.memory;
  std::string text = fmt::format("{} on {}\n", running.model->path(), running.device_id());
  text += line("weights", m.weights, "packed or copied");
  text += line("activations", m.activations, "values of a step");
  text += line("workspace", m.workspace, "scratch of kernels");
  text += line("kv", m.kv, fmt::format("{} tokens", plan.kv_tokens).c_str());
  text += line("staging", m.staging, "parameters of steps");
  text += line("driver", m.driver, "process, plugin and libraries");
  text += line("total", m.total(), "");
  if (m.in_place > 0) text += line("in place", m.in_place, "weights read from the mapped file, beside the total");
  if (m.loading > 0) text += line("loading", m.loading, "pinned host memory, until weights are on the device");
  text += line("available", plan.available_bytes, plan.fit.fits ? "it fits" : "it does not fit");
  if (!plan.fit.fits) text += fmt::format("what to do: {}\n", plan.fit.fix);
  text += fmt::format("context      {:>10} tokens a sequence\n", plan.max_context);
  for (const auto& [n_tokens, memory] : plan.programs) {
    text += fmt::format("arena, up to {:>5} tokens: {} bytes, lower bound {}, side by side {}\n", n_tokens,
                        memory.arena_bytes, memory.arena_lower_bound_bytes, memory.naive_bytes);
  }
  if (plan.calibration) {
    text += fmt::format("decode       {:>10.1f} tokens/s ({:.0f} % of the limit)\n", plan.decode_tps,
                        100 * plan.calibration->decode_share);
    text += fmt::format("prefill      {:>10.1f} tokens/s ({:.0f} % of the limit)\n", plan.prefill_tps,
                        100 * plan.calibration->prefill_share);
  }
  return text;
}

Result<uint64_t> available_bytes(const RunningModel& running) {
  if (running.device == nullptr) return host_available_bytes();
  BP_TRY(const uint64_t free, running.device->free_bytes());
  return free > 0 ? free : running.device->info().memory_bytes;
}

Status plan_model(const GlobalOptions& global, const PlanFlags& flags) {
  BP_TRY(const auto host, Host::create(global));
  BP_TRY(RunningModel running, open_model(*host, flags.model));
  BP_TRY(EngineOptions options, host->engine_options());
  if (flags.batch > 0) options.max_seqs = flags.batch;
  Plan plan;
  BP_TRY(plan.available_bytes, available_bytes(running));
  if (running.is_encoder()) {
    BP_TRY_VOID(plan_encoder(running, options, plan));
  } else {
    BP_TRY_VOID(plan_decoder(*host, running, options, flags, plan));
  }
  FitQuestion question;
  question.usage = plan.memory;
  question.available_bytes = plan.available_bytes;
  question.kv_token_bytes = plan.kv_tokens > 0 ? plan.memory.kv / static_cast<uint64_t>(plan.kv_tokens) : 0;
  question.max_seqs = options.max_seqs;
  question.context = plan.max_context;
  question.page_size = options.page_size;
  question.bits_per_weight = bits_per_weight(*running.model);
  plan.fit = fit(question);
  return global.json ? print_json(to_json(plan, running)) : print(to_text(plan, running));
}

}  // namespace

void add_plan(CLI::App& app, Invocation& invocation) {
  auto flags = std::make_shared<PlanFlags>();
  CLI::App* command =
      add_command(app, invocation, "plan", "Say whether a model fits and how fast it will be, before loading it",
                  "backplane plan smollm2-135m-instruct --json");
  command->add_option("model", flags->model, "A GGUF file, a Hugging Face folder, or a name of the zoo")->required();
  command->add_option("-b", flags->batch, "Sequences at once; else engine.max_seqs in memory, and one for speed")
      ->check(CLI::Range(1, 4096));
  const CLI::Option* prompt =
      command->add_option("-p", flags->what.n_prompt, "Prompt tokens; 512, or what the context holds")
          ->check(CLI::Range(1, 1 << 24));
  command->add_option("-d", flags->what.depth, "Tokens of context before")->check(CLI::Range(0, 1 << 24));
  command->add_flag("--no-speed", flags->no_speed, "Memory alone");
  command->add_flag("--measure", flags->measure, "Measure the device again, whatever was kept");
  command->callback([flags, prompt, &invocation] {
    invocation.work = [flags, prompt](const GlobalOptions& global) {
      PlanFlags asked = *flags;
      if (asked.batch > 0) asked.what.batch = asked.batch;
      asked.prompt_given = prompt->count() > 0;
      return plan_model(global, asked);
    };
  });
}

}  // namespace bp::cli
