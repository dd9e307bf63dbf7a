#include "plugin_host/pipeline.h"

#include <fmt/format.h>
#include <sys/auxv.h>

#include <algorithm>

#include "base/cache_folder.h"
#include "base/log.h"
#include "base/sha256.h"
#include "plugin_host/missing_libs.h"
#include "plugin_host/probe.h"
#include "plugin_host/trust.h"

namespace bp {
namespace {

Checked<std::vector<std::string>> check_libs(const ElfImage& image, const Manifest& manifest, const std::string& path) {
  MissingLibs missing = find_missing_libs(image, manifest, path);
  std::vector<std::string> all = missing.needs;
  all.insert(all.end(), missing.linked.begin(), missing.linked.end());
  if (!missing.needs.empty()) return std::unexpected(missing_libs_refusal(all, manifest));
  return all;
}

// Who could write to it could name any file as the copy of a plugin.
std::string private_cache_folder(const PluginSearch& search) {
  std::string folder = search.stage ? plugin_cache_folder(search.cache_dir) : std::string();
  if (folder.empty()) return folder;
  if (const Status ours = make_private_folder(folder); !ours) {
    log::warn("plugins: {}", ours.error().message());
    return {};
  }
  return folder;
}

}  // namespace

std::string plugin_cache_folder(const std::string& cache_dir) {
  if (cache_dir.empty() && ::getauxval(AT_SECURE) != 0) return {};
  return cache_folder(cache_dir, "plugins");
}

LoadingPipeline::LoadingPipeline(const PluginSearch& search, std::span<const std::string> folders,
                                 std::span<const std::string> ops)
    : search_(search),
      folders_(folders),
      ops_(ops),
      folder_(private_cache_folder(search)),
      cache_(folder_.empty() ? std::string() : folder_ + "/verdicts") {}

LoadingPipeline::~LoadingPipeline() {
  if (cache_.save() && staging_) staging_->clean(cache_.copies());
}

Checked<Manifest> LoadingPipeline::inspect(const ElfImage& image, PluginVerdict& verdict, const Wanted& wanted) const {
  auto manifest = read_manifest(image);
  if (!manifest) return manifest;
  verdict.name = manifest->name;
  verdict.version = manifest->version;
  if (auto is_wanted = wanted(*manifest); !is_wanted) return std::unexpected(is_wanted.error());
  if (auto fits = check_manifest(*manifest); !fits) return std::unexpected(fits.error());
  if (auto symbols = check_symbols(image); !symbols) return std::unexpected(symbols.error());
  return manifest;
}

Checked<ClearedFile> LoadingPipeline::clear(PluginVerdict& verdict, const Wanted& wanted) {
  auto file = RegularFile::open(verdict.file);
  if (!file) return std::unexpected(file.error());
  if (auto trusted = check_trust(verdict.file, *file); !trusted) return std::unexpected(trusted.error());
  const KnownFile* known = find_known(verdict.file, *file);
  auto copy =
      known != nullptr
          ? Checked<StagedCopy>(StagedCopy{known->copy, known->sha256, known->copy_identity, known->identity, true})
          : make_copy(std::move(*file), verdict, wanted);
  if (!copy) return std::unexpected(copy.error());
  // Once more, of the copy: the file may have become another in between.
  auto image = ElfImage::open(copy->path);
  if (!image) return std::unexpected(image.error());
  auto manifest = inspect(*image, verdict, wanted);
  if (!manifest) return std::unexpected(manifest.error());
  if (auto pin = check_pin(verdict.file, *manifest, *copy, known != nullptr); !pin) return std::unexpected(pin.error());
  auto missing = check_libs(*image, *manifest, copy->path);
  if (!missing) return std::unexpected(missing.error());
  if (auto probed = check_probe(verdict.file, *copy, known); !probed) return std::unexpected(probed.error());
  return ClearedFile{copy->path, copy->sha256, std::move(*manifest), std::move(*missing)};
}

const KnownFile* LoadingPipeline::find_known(const std::string& path, const RegularFile& file) const {
  if (search_.fresh) return nullptr;
  const KnownFile* known = cache_.find(path, identity_of(file.info()));
  const bool is_there = known != nullptr && known->copy.starts_with(folder_ + "/staged/") &&
                        StagingFolder::is_intact(known->copy, known->copy_identity);
  return is_there ? known : nullptr;
}

Checked<StagedCopy> LoadingPipeline::make_copy(RegularFile file, PluginVerdict& verdict, const Wanted& wanted) {
  auto image = ElfImage::parse(std::move(file));
  if (!image) return std::unexpected(image.error());
  auto manifest = inspect(*image, verdict, wanted);
  if (!manifest) return std::unexpected(manifest.error());
  if (const StagingFolder* folder = staging()) return folder->stage(*image, verdict.file, manifest->name);
  const FileIdentity identity = identity_of(image->file().info());
  return StagedCopy{verdict.file, "", identity, identity, false};
}

Checked<void> LoadingPipeline::check_pin(const std::string& file, const Manifest& manifest, const StagedCopy& copy,
                                         bool known) const {
  const auto pin = std::ranges::find(search_.pins, manifest.name, &PluginPin::plugin);
  if (pin == search_.pins.end()) return {};
  if (copy.sha256.empty()) {
    return refuse(Verdict::kUntrusted, "its content is pinned, and there is no folder for a private copy of it",
                  "set models.cache_dir to a folder of yours");
  }
  std::string found = copy.sha256;
  if (known) {
    // Of the file as of its copy: neither time nor size is taken for proof here.
    found = sha256_of_file(file).value_or("");
    if (found == pin->sha256) found = sha256_of_file(copy.path).value_or("");
  }
  if (found == pin->sha256) return {};
  return refuse(Verdict::kBadHash, fmt::format("its SHA-256 is {}, {} is pinned", found, pin->sha256),
                fmt::format("install the pinned build, or change \"{}\" in plugins.sha256", manifest.name));
}

Checked<void> LoadingPipeline::check_probe(const std::string& file, const StagedCopy& copy, const KnownFile* known) {
  if (search_.probe == ProbeMode::kOff) return check_unprobed(file, copy, known);
  const bool is_probed =
      known != nullptr && !known->probed_by.empty() && (helper().empty() || known->probed_by == stamp_);
  if (is_probed && known->quarantine) return std::unexpected(*known->quarantine);
  if (is_probed) return {};
  if (helper().empty()) return check_unprobed(file, copy, known);
  auto refused = probe({.helper = helper(),
                        .file = copy.path,
                        .ops = {ops_.begin(), ops_.end()},
                        .timeout_ms = search_.probe_timeout_ms,
                        .open = search_.probe_open});
  if (!refused) {
    log::warn("plugins: {}", refused.error().message());
    helper_ = "";
    return check_unprobed(file, copy, known);
  }
  // What else it may say depends on the machine: found out anew by each start, without harm.
  const std::optional<Refusal>& refusal = *refused;
  const bool crashes =
      refusal && (refusal->verdict == Verdict::kProbeSignal || refusal->verdict == Verdict::kProbeTimeout ||
                  refusal->verdict == Verdict::kProbeExit);
  remember(file, copy, stamp_, crashes ? refusal : std::nullopt);
  if (refusal) return std::unexpected(*refusal);
  return {};
}

Checked<void> LoadingPipeline::check_unprobed(const std::string& file, const StagedCopy& copy, const KnownFile* known) {
  if (search_.probe == ProbeMode::kRequired) {
    return refuse(Verdict::kNotAllowed, "it cannot be probed, and plugins.probe is \"required\"",
                  "install libexec/backplane/probe, or set $BACKPLANE_PROBE to where it is");
  }
  if (known == nullptr) remember(file, copy, "", std::nullopt);
  return {};
}

void LoadingPipeline::remember(const std::string& file, const StagedCopy& copy, std::string probed_by,
                               std::optional<Refusal> refusal) {
  if (copy.sha256.empty() || !copy.settled) return;
  cache_.put(file, {copy.source, copy.sha256, copy.path, copy.identity, std::move(probed_by), std::move(refusal)});
}

const StagingFolder* LoadingPipeline::staging() {
  if (staging_tried_ || !search_.stage) return staging_ ? &*staging_ : nullptr;
  staging_tried_ = true;
  auto folder = folder_.empty() ? StagingFolder::temporary() : StagingFolder::open(folder_ + "/staged");
  if (!folder && !folder_.empty()) {
    log::warn("plugins: {}", folder.error().message());
    folder = StagingFolder::temporary();
  }
  if (folder) {
    staging_.emplace(std::move(*folder));
    return &*staging_;
  }
  log::warn("plugins: {}; plugins are loaded from where they are: replace them by renaming only",
            folder.error().message());
  return nullptr;
}

const std::string& LoadingPipeline::helper() {
  if (helper_) return *helper_;
  helper_ = find_probe_helper(folders_);
  stamp_ = helper_->empty() ? std::string() : probe_stamp(*helper_);
  if (helper_->empty()) {
    log::warn(
        "plugins: the probe helper libexec/backplane/probe is not installed; new plugins are loaded into this process "
        "without having been tried in another; install it, or set $BACKPLANE_PROBE to where it is");
  }
  return *helper_;
}

}  // namespace bp
