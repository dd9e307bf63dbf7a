#include <backplane/api/engine.h>
#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "api/engine_state.h"
#include "api/raise.h"
#include "engine/text_stream.h"

namespace bp::api {

namespace {

bp::EngineOptions core_options(const EngineOptions& options, const DeviceOptions& device) {
  const auto positive = [](int64_t number, const char* name) {
    if (number < 1)
      raise(ErrorCode::kUsage, fmt::format("EngineOptions::{}", name), fmt::format("is {}", number), "give 1 or more");
  };
  positive(options.max_batch_tokens, "max_batch_tokens");
  positive(options.page_size, "page_size");
  if (options.max_context < 0)
    raise(ErrorCode::kUsage, "EngineOptions::max_context", "is negative", "0 is the model's own");
  if (!(options.kv_memory_fraction > 0 && options.kv_memory_fraction <= 1)) {
    raise(ErrorCode::kUsage, "EngineOptions::kv_memory_fraction", fmt::format("is {}", options.kv_memory_fraction),
          "give a part of 1");
  }
  const auto one_of = [](DType dtype, const char* name) {
    if (dtype == DType::kInvalid || dtype == f32 || dtype == f16 || dtype == bf16) return;
    raise(ErrorCode::kUsage, fmt::format("EngineOptions::{}", name),
          fmt::format("is dtype number {}", static_cast<int>(dtype)), "give f32, f16 or bf16");
  };
  if (options.page_size > 256 || !std::has_single_bit(static_cast<unsigned>(options.page_size))) {
    raise(ErrorCode::kUsage, "EngineOptions::page_size", fmt::format("is {}", options.page_size),
          "give a power of two of 1 to 256");
  }
  one_of(options.kv_dtype, "kv_dtype");
  one_of(options.act_dtype, "act_dtype");
  bp::EngineOptions core;
  core.max_seqs = 1;
  core.max_batch_tokens = options.max_batch_tokens;
  core.max_context = options.max_context;
  core.page_size = options.page_size;
  core.kv_dtype = static_cast<bp::DType>(options.kv_dtype);
  core.act_dtype = static_cast<bp::DType>(options.act_dtype);
  core.kv_memory_fraction = options.kv_memory_fraction;
  core.op_fallback = policy_of(device.op_fallback);
  core.kernels = {device.deny_kernels, device.force_kernels};
  return core;
}

void check(const GenerateOptions& options) {
  const auto refuse = [](const char* name, double value, const char* range) {
    raise(ErrorCode::kUsage, fmt::format("GenerateOptions::{}", name), fmt::format("is {}", value), range);
  };
  const auto is_part = [](float value) { return value >= 0 && value <= 1; };  // false of NaN
  if (options.max_tokens < 0) refuse("max_tokens", options.max_tokens, "give 0 or more");
  if (!(options.temperature >= 0 && options.temperature <= 100))
    refuse("temperature", options.temperature, "give 0 to 100");
  if (options.top_k < 0) refuse("top_k", options.top_k, "give 0 or more");
  if (!is_part(options.top_p)) refuse("top_p", options.top_p, "give 0 to 1");
  if (!is_part(options.min_p)) refuse("min_p", options.min_p, "give 0 to 1");
}

}  // namespace

Engine::Engine(const std::string& path, const DeviceOptions& device, const EngineOptions& options) {
  const bp::EngineOptions core = core_options(options, device);
  Model model = unwrap(Model::open(path));
  TextModel text = unwrap(load_text_model(model));
  state_ = std::make_unique<State>(unwrap(SharedDevice::open(device)), std::move(model), std::move(text));
  state_->engine = unwrap(bp::Engine::create(state_->model, state_->device.get(), core));
}

Engine::State& Engine::state() const {
  if (state_ == nullptr) raise(ErrorCode::kUsage, "engine", "was moved from", "use the one that it was moved to");
  return *state_;
}

Engine::~Engine() = default;
Engine::Engine(Engine&&) noexcept = default;
Engine& Engine::operator=(Engine&&) noexcept = default;

Generation Engine::generate(std::string_view prompt, const GenerateOptions& options, const TextCallback& on_text) {
  return state().generate(encode(prompt), options, on_text, true);
}

Generation Engine::chat(const std::vector<Message>& messages, const GenerateOptions& options,
                        const TextCallback& on_text) {
  json::array said;
  for (const Message& message : messages)
    said.push_back(json::object{{"role", message.role}, {"content", message.content}});
  const std::string rendered = unwrap(render_chat(state().text, said));
  auto prompt = state().text.tokenizer.encode(rendered, {.add_special = false, .parse_special = true});
  return state().generate(std::move(prompt), options, on_text, false);
}

Generation Engine::State::generate(std::vector<int32_t> prompt, const GenerateOptions& options,
                                   const TextCallback& on_text, bool continues) {
  check(options);
  if (answers) {
    raise(ErrorCode::kUsage, "generate", "this engine is answering already",
          "wait until the call has returned, or load the model twice");
  }
  const auto room = engine->max_context() - static_cast<int64_t>(prompt.size());
  if (prompt.empty() || room < 1) {
    raise(ErrorCode::kUsage, "generate",
          fmt::format("a prompt of {} tokens where 1 to {} fit", prompt.size(), engine->max_context() - 1),
          "give a text, or raise EngineOptions::max_context");
  }
  Generation answer;
  answer.n_prompt_tokens = static_cast<int>(prompt.size());
  Request request;
  request.prompt = std::move(prompt);
  request.max_new_tokens =
      static_cast<int>(options.max_tokens > 0 ? std::min<int64_t>(options.max_tokens, room) : room);
  request.sampling = {options.temperature, options.top_k, options.top_p, options.min_p, options.seed};
  if (!options.ignore_end) request.stop_tokens = text.stop_tokens;
  TextStream stream(text.tokenizer, options.stop, continues);
  const SequenceId id = unwrap(engine->add(std::move(request)));
  const auto emit = [&](const std::string& piece) {
    answer.text += piece;
    if (piece.empty() || on_text(piece)) return true;
    answer.finish_reason = "cancelled";
    return false;
  };
  answers = true;
  try {
    while (!engine->idle() && answer.finish_reason.empty()) {
      if (options.cancel.stop_requested()) {
        answer.finish_reason = "cancelled";
        break;
      }
      for (const TokenEvent& event : unwrap(engine->step())) {
        if (!answer.finish_reason.empty()) break;
        ++answer.n_tokens;
        const bool ends_text = event.finish == FinishReason::kStop;
        if (!ends_text && !emit(stream.push(event.token))) break;
        if (stream.stopped() || ends_text) {
          answer.finish_reason = "stop";
        } else if (event.finish == FinishReason::kLength) {
          answer.finish_reason = "length";
        }
      }
    }
    engine->cancel(id);
    if (answer.finish_reason != "cancelled") {
      const std::string reason = answer.finish_reason.empty() ? "length" : answer.finish_reason;
      if (emit(stream.finish())) answer.finish_reason = reason;
    }
  } catch (...) {
    engine->cancel(id);  // the callback's, or the device's
    answers = false;
    throw;
  }
  answers = false;
  return answer;
}

std::vector<int32_t> Engine::encode(std::string_view text) const {
  return state().text.tokenizer.encode(text, {.add_special = true, .parse_special = true});
}

std::string Engine::decode(const std::vector<int32_t>& tokens) const {
  return state().text.tokenizer.decode(tokens, true);
}

const std::string& Engine::device() const { return state().device.id(); }
int Engine::max_context() const { return state().engine->max_context(); }
std::vector<std::string> Engine::fallback_ops() const { return state().engine->executor().fallback_ops(); }

}  // namespace bp::api
