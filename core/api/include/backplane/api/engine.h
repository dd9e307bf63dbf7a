// A whole model: loaded, and generating text. Part of <backplane/backplane.h>.
#pragma once

#include <backplane/api/device.h>
#include <backplane/api/types.h>

#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace bp::api {

struct EngineOptions {
  int max_context = 0;                // tokens of prompt and answer; 0: the model's own limit
  int max_batch_tokens = 512;         // of the prompt in one step
  int page_size = 16;                 // tokens in a page of the KV cache: a power of two up to 256
  DType kv_dtype = DType::kInvalid;   // kInvalid: f32 for models of f32 weights, else f16
  DType act_dtype = DType::kInvalid;  // of activations; kInvalid: f32
  double kv_memory_fraction = 0.5;    // of the memory that is free once the weights are loaded
};

struct GenerateOptions {
  int max_tokens = 0;  // to generate at most; 0: as many as the context has room for
  // How the next token is drawn (op sample in docs/opset.md); temperature 0 is greedy.
  float temperature = 0;
  int top_k = 0;  // 0: all
  float top_p = 1;
  float min_p = 0;
  int64_t seed = 0;
  std::vector<std::string> stop = {};  // texts that end the answer; they are no part of it
  bool ignore_end = false;             // go on after the model's end of text
  std::stop_token cancel = {};         // ends the text from any thread, at the next step of the model
};

struct Generation {
  std::string text;
  std::string finish_reason;  // "stop", "length", or "cancelled" by the callback or `cancel`
  int n_prompt_tokens = 0, n_tokens = 0;
};

struct Message {
  std::string role;  // "system", "user", "assistant"
  std::string content;
};

// Called with each piece of text as soon as it is certain: complete characters only. It may return nothing, or false to
// stop. Made from any callable of a std::string_view.
class TextCallback {
 public:
  TextCallback() = default;
  template <class F>
    requires std::invocable<F&, std::string_view>
  TextCallback(F function)  // implicit: lambdas are passed as they are
      : call_([f = std::move(function)](std::string_view text) mutable {
          if constexpr (std::is_void_v<std::invoke_result_t<F&, std::string_view>>) {
            f(text);
            return true;
          } else {
            return static_cast<bool>(f(text));
          }
        }) {}

  bool operator()(std::string_view text) const { return !call_ || call_(text); }

 private:
  std::function<bool(std::string_view)> call_;
};

// One model on one device. Movable. After an error of the device it is of no further use. Answers one text at a time:
// a callback that calls generate() or chat() of its own engine gets an Error (kUsage).
class Engine {
 public:
  // `model`: a GGUF file, the first shard of one, or a Hugging Face folder. Errors: kRefused for a file that is damaged
  // or has no tokenizer, kUnsupported for what this build cannot run, kDevice, kOutOfMemory.
  explicit Engine(const std::string& model, const DeviceOptions& device = {}, const EngineOptions& options = {});
  ~Engine();
  Engine(Engine&&) noexcept;
  Engine& operator=(Engine&&) noexcept;

  // Continues the text. Errors: kUsage where it is empty or longer than the context.
  Generation generate(std::string_view prompt, const GenerateOptions& options = {}, const TextCallback& on_text = {});
  // Answers a conversation, by the model's chat template. Errors: kRefused where it has none.
  Generation chat(const std::vector<Message>& messages, const GenerateOptions& options = {},
                  const TextCallback& on_text = {});

  std::vector<int32_t> encode(std::string_view text) const;  // with what the model adds around a text
  std::string decode(const std::vector<int32_t>& tokens) const;

  const std::string& device() const;
  int max_context() const;
  // Ops that the device has no kernel for.
  std::vector<std::string> fallback_ops() const;

 private:
  friend struct EngineAccess;
  struct State;
  State& state() const;  // kUsage where it was moved from
  std::unique_ptr<State> state_;
};

}  // namespace bp::api
