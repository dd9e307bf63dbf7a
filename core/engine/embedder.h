// Runs an encoder on one device: lists of tokens in, one vector for each out. Lists of different lengths share a step,
// one after another, as many as the token budget takes; each sees itself alone. Not thread-safe: one thread calls it.
// The model and the device outlive it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/device_programs.h"
#include "engine/engine_options.h"
#include "model/model.h"

namespace bp {

class Embedder {
 public:
  // `device` null: the reference. Of the options, those of the KV cache have no meaning; the token budget is at least
  // the longest list. Errors: kUsage where the model is no encoder, else as Executor::create.
  static Result<std::unique_ptr<Embedder>> create(const Model& model, Device* device, EngineOptions options);

  // [hidden] for each list. Errors: kUsage for a list that is empty, too long or holds what is no token; nothing is
  // computed then.
  Result<std::vector<std::vector<float>>> embed(std::span<const std::vector<int32_t>> lists);

  // Told of each launch of every step from now on; null: nobody. It outlives the steps.
  void set_observer(RunObserver* observer) { observer_ = observer; }

  // Tokens of one list.
  int max_tokens() const { return max_tokens_; }
  // As the executor's.
  Status compile_all();
  MemoryUsage memory() const;
  // By the largest token count: of what is compiled so far.
  std::vector<std::pair<int, ProgramMemory>> program_memory() const;
  // The program that runs a step of this many tokens.
  Result<Program*> program(int n_tokens);
  std::vector<std::string> fallback_ops() const;

 private:
  Embedder(const Model& model, EngineOptions options) : model_(model), options_(std::move(options)) {}
  Status set_up(Device* device);
  Status check(std::span<const std::vector<int32_t>> lists) const;
  Result<Program*> forward(int n_tokens);
  Status run(std::span<const std::vector<int32_t>> lists, int n_tokens, std::vector<std::vector<float>>& out);
  Status write_params(std::span<const std::vector<int32_t>> lists, int n_tokens);

  const Model& model_;
  EngineOptions options_;
  std::vector<int> buckets_;
  int max_tokens_ = 0;
  std::unique_ptr<DevicePrograms> shared_;
  std::vector<int32_t> host_params_;
  std::optional<Buffer> params_;
  std::optional<Buffer> embeddings_;
  Bindings bindings_;
  std::map<int, std::unique_ptr<Program>> forward_;  // by the largest token count
  RunObserver* observer_ = nullptr;
  uint64_t step_ = 0;
};

}  // namespace bp
