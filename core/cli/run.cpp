// backplane run MODEL [PROMPT]
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <iostream>

#include "cli/command.h"
#include "cli/host.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "engine/text_stream.h"

namespace bp::cli {
namespace {

using Clock = std::chrono::steady_clock;
constexpr size_t kMaxPromptBytes = size_t{64} << 20;

struct RunFlags {
  std::string model;
  std::optional<std::string> prompt;
  std::optional<int> max_tokens, top_k;
  std::optional<double> temperature, top_p, min_p;
  std::optional<int64_t> seed;
  std::vector<std::string> stops;
  std::optional<std::string> system;
  bool raw = false;
  bool ignore_eos = false;
};

struct Answer {
  std::string text;
  std::string finish_reason;
  int n_prompt = 0, n_generated = 0;
  double prefill_ms = 0, decode_ms = 0;
};

double ms_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

SamplingParams sampling(const RunFlags& flags, const Config& config) {
  SamplingParams params;
  params.temperature = static_cast<float>(flags.temperature.value_or(config.sampling.temperature));
  params.top_k = flags.top_k.value_or(static_cast<int>(config.sampling.top_k));
  params.top_p = static_cast<float>(flags.top_p.value_or(config.sampling.top_p));
  params.min_p = static_cast<float>(flags.min_p.value_or(config.sampling.min_p));
  params.seed = flags.seed.value_or(config.sampling.seed);
  return params;
}

class Conversation {
 public:
  Conversation(const RunFlags& flags, const Config& config, RunningModel& running, TextModel text)
      : flags_(flags), config_(config), running_(running), text_(std::move(text)) {}

  // One answer to `prompt` after what was said before. Streams it to standard output unless `quiet`.
  Result<Answer> ask(const std::string& prompt, bool quiet) {
    BP_TRY(const std::vector<TokenId> ids, encode(prompt));
    Request request;
    request.prompt = ids;
    request.max_new_tokens = flags_.max_tokens.value_or(running_.engine->max_context());
    request.sampling = sampling(flags_, config_);
    if (!flags_.ignore_eos) request.stop_tokens = text_.stop_tokens;
    Answer answer;
    answer.n_prompt = static_cast<int>(ids.size());
    BP_TRY_VOID(generate(std::move(request), answer, quiet));
    if (!flags_.raw) messages_.push_back(json::object{{"role", "assistant"}, {"content", answer.text}});
    return answer;
  }

 private:
  Result<std::vector<TokenId>> encode(const std::string& prompt) {
    if (flags_.raw) return text_.tokenizer.encode(prompt, {.add_special = true, .parse_special = true});
    if (messages_.empty() && flags_.system)
      messages_.push_back(json::object{{"role", "system"}, {"content", *flags_.system}});
    messages_.push_back(json::object{{"role", "user"}, {"content", prompt}});
    BP_TRY(const std::string rendered, render_chat(text_, messages_));
    return text_.tokenizer.encode(rendered, {.add_special = false, .parse_special = true});
  }

  Status generate(Request request, Answer& answer, bool quiet) {
    TextStream stream(text_.tokenizer, flags_.stops, flags_.raw);
    const auto emit = [&](const std::string& text) -> Status {
      answer.text += text;
      return quiet || text.empty() ? Status{} : print(text);
    };
    const bool generates = request.max_new_tokens > 0;
    BP_TRY(const SequenceId id, running_.engine->add(std::move(request)));
    auto start = Clock::now();
    while (!running_.engine->idle()) {
      if (interrupted()) {
        running_.engine->cancel(id);
        return fail(ErrorCode::kInterrupted, "run", "interrupted");
      }
      BP_TRY(const auto events, running_.engine->step());
      for (const TokenEvent& event : events) {
        if (answer.n_generated == 0) {
          answer.prefill_ms = ms_since(start);
          start = Clock::now();
        }
        if (!generates) continue;
        ++answer.n_generated;
        const bool ends_text = event.finish == FinishReason::kStop;
        if (!ends_text) BP_TRY_VOID(emit(stream.push(event.token)));
        if (stream.stopped()) running_.engine->cancel(id);
        if (stream.stopped() || ends_text)
          answer.finish_reason = "stop";
        else if (event.finish == FinishReason::kLength)
          answer.finish_reason = "length";
      }
    }
    answer.decode_ms = ms_since(start);
    if (answer.finish_reason.empty()) answer.finish_reason = "length";
    return emit(stream.finish());
  }

  const RunFlags& flags_;
  const Config& config_;
  RunningModel& running_;
  TextModel text_;
  json::array messages_;
};

json::object to_json(const Answer& answer, const RunningModel& running) {
  const auto rate = [](int n, double ms) { return ms > 0 ? n * 1000.0 / ms : 0.0; };
  json::array fallback;
  for (const std::string& op : running.engine->executor().fallback_ops()) fallback.emplace_back(op);
  return {{"text", answer.text},
          {"finish_reason", answer.finish_reason},
          {"usage", json::object{{"prompt_tokens", answer.n_prompt}, {"completion_tokens", answer.n_generated}}},
          {"timings", json::object{{"load_ms", running.load_ms},
                                   {"prefill_ms", answer.prefill_ms},
                                   {"decode_ms", answer.decode_ms},
                                   {"prefill_tps", rate(answer.n_prompt, answer.prefill_ms)},
                                   {"decode_tps", rate(std::max(answer.n_generated - 1, 0), answer.decode_ms)}}},
          {"device", running.device_id()},
          {"fallback", fallback}};
}

Status chat(Conversation& conversation) {
  fmt::print(stderr, "Ctrl-D ends the chat.\n");
  for (std::string line;;) {
    fmt::print(stderr, "> ");
    if (!std::getline(std::cin, line)) break;
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    BP_TRY_VOID(conversation.ask(line, false));
    BP_TRY_VOID(print("\n"));
  }
  if (interrupted()) return fail(ErrorCode::kInterrupted, "run", "interrupted");
  fmt::print(stderr, "\n");
  return {};
}

Status run(const GlobalOptions& global, const RunFlags& flags) {
  BP_TRY(const auto host, Host::create(global));
  const bool chats = !flags.prompt && ::isatty(STDIN_FILENO) == 1 && !global.json && !flags.raw;
  std::string prompt = flags.prompt.value_or("");
  if (!flags.prompt && !chats) {
    BP_TRY(prompt, read_stdin(kMaxPromptBytes));
  }
  BP_TRY(RunningModel running, start_model(*host, flags.model, [](EngineOptions& options) { options.max_seqs = 1; }));
  BP_TRY(TextModel text, load_text_model(*running.model));
  Conversation conversation(flags, host->config(), running, std::move(text));
  if (chats) return chat(conversation);
  BP_TRY(const Answer answer, conversation.ask(prompt, global.json));
  if (global.json) return print_json(to_json(answer, running));
  return print("\n");
}

}  // namespace

void add_run(CLI::App& app, Invocation& invocation) {
  auto flags = std::make_shared<RunFlags>();
  CLI::App* command =
      add_command(app, invocation, "run", "Answer a prompt, or chat on a terminal",
                  "backplane run smollm2-135m-instruct \"What is the capital of France?\" --temperature 0");
  command->add_option("model", flags->model, "A GGUF file, a Hugging Face folder, or a name of the zoo")->required();
  command->add_option("prompt", flags->prompt, "What to answer; else standard input, or a chat on a terminal");
  command->add_option("--max-tokens", flags->max_tokens, "Tokens to generate at most")->check(CLI::Range(0, 1 << 30));
  command->add_option("--temperature", flags->temperature, "0 is greedy")->check(CLI::Range(0.0, 100.0));
  command->add_option("--top-p", flags->top_p, "Keep the likeliest tokens up to this sum")->check(CLI::Range(0.0, 1.0));
  command->add_option("--top-k", flags->top_k, "Keep so many tokens; 0 keeps all")->check(CLI::Range(0, 1 << 30));
  command->add_option("--min-p", flags->min_p, "Keep tokens at least so likely beside the likeliest")
      ->check(CLI::Range(0.0, 1.0));
  command->add_option("--seed", flags->seed, "Same seed, same text");
  command->add_option("--stop", flags->stops, "End before this text; repeatable")->allow_extra_args(false);
  command->add_option("--system", flags->system, "System message");
  command->add_flag("--raw", flags->raw, "Continue the prompt as it is, without the chat template");
  command->add_flag("--ignore-eos", flags->ignore_eos, "Go on after the model's end of text");
  command->callback(
      [flags, &invocation] { invocation.work = [flags](const GlobalOptions& global) { return run(global, *flags); }; });
}

}  // namespace bp::cli
