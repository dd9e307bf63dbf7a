#include "subject.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "graph/opset.h"

namespace bp::conformance {
namespace {

std::unexpected<Error> refused(const std::string& file, Verdict verdict, const std::string& reason,
                               const std::string& fix) {
  return fail(ErrorCode::kRefused, file, fmt::format("{}: {}", verdict_name(verdict), reason), fix);
}

HostCallbacks callbacks(const SubjectOptions& options) {
  HostCallbacks out;
  out.option = [given = options.options](std::string_view, std::string_view key) -> std::optional<std::string> {
    const auto found = given.find(std::string(key));
    return found == given.end() ? std::nullopt : std::optional(found->second);
  };
  out.ops = op_names();
  return out;
}

}  // namespace

Result<std::unique_ptr<Subject>> Subject::open(const SubjectOptions& options) {
  std::error_code error;
  const std::string path = std::filesystem::absolute(options.file, error).lexically_normal().string();
  if (!std::filesystem::exists(path, error)) {
    return fail(ErrorCode::kRefused, options.file, "there is no such file", "name the plugin's .so");
  }
  auto image = ElfImage::open(path);
  if (!image) return refused(path, image.error().verdict, image.error().reason, image.error().fix);
  auto manifest = read_manifest(*image);
  if (!manifest) return refused(path, manifest.error().verdict, manifest.error().reason, manifest.error().fix);

  std::unique_ptr<Subject> subject(new Subject);
  subject->manifest_ = *std::move(manifest);
  PluginSearch search;
  search.paths = {path};
  // Its owner has to be found as well.
  search.use_environment = search.use_default_dirs = subject->attached();
  subject->registry_ = PluginRegistry::discover(search, callbacks(options));
  const auto verdicts = subject->registry_->verdicts();
  const auto own = std::ranges::find(verdicts, subject->manifest_.name, &PluginVerdict::name);
  if (verdicts.empty()) return fail(ErrorCode::kRefused, path, "was not found", "name the plugin's .so");
  const PluginVerdict& verdict = own == verdicts.end() ? verdicts.front() : *own;
  if (verdict.verdict != Verdict::kOk) return refused(path, verdict.verdict, verdict.reason, verdict.fix);

  const std::string& owner = subject->attached() ? subject->manifest_.attaches_to : subject->manifest_.name;
  std::vector<const DeviceInfo*> devices;
  for (const DeviceInfo& info : subject->registry_->devices()) {
    if (info.plugin == owner) devices.push_back(&info);
  }
  if (options.device < 0 || static_cast<size_t>(options.device) >= devices.size()) {
    return fail(ErrorCode::kDevice, path,
                fmt::format("there is no device {}: plugin {} sees {}", options.device, owner, devices.size()),
                subject->attached() ? "name the owner's folder in $BACKPLANE_PLUGIN_PATH" : "see backplane devices");
  }
  BP_TRY(subject->device_, subject->registry_->open(devices[static_cast<size_t>(options.device)]->id));
  for (const bp_kernel* kernel : subject->device_->kernels()) {
    if (subject->device_->plugin_of(*kernel) == subject->manifest_.name) subject->rows_.push_back(kernel);
  }
  return subject;
}

bool Subject::has(const std::string& row) const {
  return std::ranges::any_of(rows_, [&](const bp_kernel* kernel) { return kernel->id == row; });
}

}  // namespace bp::conformance
