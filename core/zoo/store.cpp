#include "zoo/store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>

#include "base/mapped_file.h"
#include "base/sha256.h"

namespace bp {
namespace {

namespace fs = std::filesystem;

struct FileState {
  uint64_t size_bytes = 0;
  int64_t mtime_ns = 0;
};

std::optional<FileState> state_of(const std::string& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return std::nullopt;
  return FileState{static_cast<uint64_t>(info.st_size),
                   info.st_mtim.tv_sec * int64_t{1'000'000'000} + info.st_mtim.tv_nsec};
}

bool sync_path(const std::string& path, int flags) {
  const int fd = ::open(path.c_str(), flags | O_CLOEXEC);
  if (fd < 0) return false;
  const bool done = ::fsync(fd) == 0;
  ::close(fd);
  return done;
}

// A page in place of a file is found out where no hash tells.
bool begins_as_named(const std::string& path, std::string_view name) {
  std::array<char, 9> head{};
  std::ifstream(path, std::ios::binary).read(head.data(), head.size());
  const std::string_view text(head.data(), head.size());
  if (name.ends_with(".gguf")) return text.starts_with("GGUF");
  if (name.ends_with(".safetensors")) return text[8] == '{';
  if (name.ends_with(".json")) return text[0] == '{' || text[0] == '[';
  return true;
}

std::unexpected<Error> wrong(const ZooModel& model, const FileFetch& fetch, std::string what) {
  remove_part(fetch.part);
  const std::string where = model.is_folder() ? model.name + " " + fetch.file.name : model.name;
  return fail(ErrorCode::kRefused, where, std::move(what),
              "the source has another file than the manifest says: use another source");
}

}  // namespace

ModelStore::ModelStore(const ZooModel& model, const std::string& models_dir)
    : model_(model), folder_(models_dir + "/" + model.name) {}

std::string ModelStore::path() const {
  return folder_ + "/" + (model_.is_folder() ? model_.target : model_.files.front().name);
}

std::string ModelStore::final_path(const ZooFile& file) const {
  return model_.is_folder() ? path() + "/" + file.name : path();
}

std::string ModelStore::accepted_path(const ZooFile& file) const {
  return model_.is_folder() ? staging() + "/" + file.name : path();
}

std::string ModelStore::part(const ZooFile& file) const { return accepted_path(file) + ".part"; }

std::optional<std::vector<NoteLine>> ModelStore::noted_lines() const {
  constexpr size_t kMaxNote = 1 << 16;
  const auto text = read_text_file(note_path(), kMaxNote);
  if (!text) return std::nullopt;
  auto lines = parse_note(*text);
  return lines && lines->size() == model_.files.size() ? std::move(lines) : std::nullopt;
}

bool ModelStore::is_noted() const {
  const auto lines = noted_lines();
  if (!lines) return false;
  for (size_t i = 0; i < lines->size(); ++i) {
    const ZooFile& file = model_.files[i];
    const NoteLine& line = (*lines)[i];
    const std::optional<FileState> state = state_of(final_path(file));
    const bool fits = state && state->size_bytes == line.size_bytes && state->mtime_ns == line.mtime_ns &&
                      (file.sha256.empty() || file.sha256 == line.sha256);
    if (!fits) return false;
  }
  return true;
}

void ModelStore::keep_note(const std::vector<NoteLine>& lines) const {
  const std::string fresh = note_path() + ".new";
  std::ofstream(fresh) << write_note(lines);
  // Only a note: without it the hash is taken again.
  if (::rename(fresh.c_str(), note_path().c_str()) != 0) ::unlink(fresh.c_str());
}

bool ModelStore::has_model(bool may_write) const {
  if (is_noted()) return true;
  const auto before = noted_lines();
  std::vector<NoteLine> lines;
  for (size_t i = 0; i < model_.files.size(); ++i) {
    const ZooFile& file = model_.files[i];
    const std::string wanted = !file.sha256.empty() ? file.sha256 : before ? (*before)[i].sha256 : "";
    const std::optional<FileState> state = state_of(final_path(file));
    if (wanted.empty() || !state || (file.size_bytes != 0 && state->size_bytes != file.size_bytes)) return false;
    const auto hash = sha256_of_file(final_path(file));
    if (!hash || *hash != wanted) return false;
    lines.push_back({wanted, state->size_bytes, state->mtime_ns});
  }
  if (may_write) keep_note(lines);
  return true;
}

bool ModelStore::is_staged(const ZooFile& file) const {
  const std::optional<FileState> state = model_.is_folder() ? state_of(accepted_path(file)) : std::nullopt;
  return state && (file.size_bytes == 0 || state->size_bytes == file.size_bytes);
}

Result<std::string> ModelStore::accept_part(const FileFetch& fetch) const {
  const std::optional<FileState> state = state_of(fetch.part);
  const uint64_t size_bytes = state ? state->size_bytes : 0;
  const uint64_t wanted_size = fetch.file.size_bytes != 0 ? fetch.file.size_bytes : fetch.source_size_bytes;
  const std::string& wanted = !fetch.file.sha256.empty() ? fetch.file.sha256 : fetch.source_sha256;
  if (size_bytes != wanted_size || size_bytes == 0) {
    return wrong(model_, fetch, fmt::format("has {} bytes, not {}", size_bytes, wanted_size));
  }
  BP_TRY(std::string hash, sha256_of_file(fetch.part));
  if (!wanted.empty() && hash != wanted) {
    return wrong(model_, fetch, fmt::format("has sha256 {}, not {}", hash, wanted));
  }
  if (wanted.empty() && !begins_as_named(fetch.part, fetch.file.name)) {
    return wrong(model_, fetch, "begins as no such file does");
  }
  const std::string accepted = accepted_path(fetch.file);
  if (!sync_path(fetch.part, O_RDONLY) || ::rename(fetch.part.c_str(), accepted.c_str()) != 0) {
    return fail(ErrorCode::kFailed, accepted, fmt::format("cannot be written ({})", std::strerror(errno)),
                "check the disk");
  }
  remove_part(fetch.part);
  return hash;
}

Status ModelStore::publish(std::vector<std::string> hashes) const {
  for (size_t i = 0; i < model_.files.size(); ++i) {
    if (!hashes[i].empty()) continue;
    const ZooFile& file = model_.files[i];
    BP_TRY(hashes[i], sha256_of_file(accepted_path(file)));
    if (file.sha256.empty() || file.sha256 == hashes[i]) continue;
    ::unlink(accepted_path(file).c_str());
    return fail(ErrorCode::kRefused, model_.name + " " + file.name,
                fmt::format("has sha256 {}, not {}", hashes[i], file.sha256), "pull again");
  }
  std::error_code error;
  if (model_.is_folder()) {
    fs::remove_all(path(), error);  // of another version, or spoilt
    fs::rename(staging(), path(), error);
  }
  if (error) {
    return fail(ErrorCode::kFailed, path(), fmt::format("cannot be written ({})", error.message()), "check the disk");
  }
  sync_path(folder_, O_RDONLY | O_DIRECTORY);
  std::vector<NoteLine> lines;
  for (size_t i = 0; i < model_.files.size(); ++i) {
    const FileState state = state_of(final_path(model_.files[i])).value_or(FileState{});
    lines.push_back({std::move(hashes[i]), state.size_bytes, state.mtime_ns});
  }
  keep_note(lines);
  return {};
}

std::string ModelStore::sha256() const {
  const auto lines = noted_lines();
  if (!model_.is_folder()) return lines ? lines->front().sha256 : model_.files.front().sha256;
  std::string list;
  for (size_t i = 0; i < model_.files.size(); ++i) {
    const ZooFile& file = model_.files[i];
    list += fmt::format("{}  {}\n", lines ? (*lines)[i].sha256 : file.sha256, file.name);
  }
  return sha256_hex(list);
}

uint64_t ModelStore::size_bytes() const {
  uint64_t sum = 0;
  for (const ZooFile& file : model_.files) sum += state_of(final_path(file)).value_or(FileState{}).size_bytes;
  return sum;
}

Status ModelStore::remove() const {
  std::error_code error;
  // Only what pull makes: the folder may hold something of the user's.
  for (const std::string& made : {path(), staging(), note_path(), note_path() + ".new", path() + ".part.etag",
                                  path() + ".part.wheels", folder_ + "/terms.txt", folder_ + "/.lock"}) {
    fs::remove_all(made, error);
    if (error) {
      return fail(ErrorCode::kFailed, made, fmt::format("cannot be removed ({})", error.message()),
                  "check who owns it");
    }
  }
  fs::remove(folder_, error);
  return {};
}

void remove_part(const std::string& part) {
  ::unlink(part.c_str());
  ::unlink((part + ".etag").c_str());
  ::unlink((part + ".wheels").c_str());
}

Status check_space(const std::string& folder, uint64_t size_bytes) {
  std::error_code error;
  const fs::space_info space = fs::space(folder, error);
  if (error || space.available >= size_bytes) return {};
  return fail(ErrorCode::kFailed, folder,
              fmt::format("needs {} bytes of disk, {} are free", size_bytes, static_cast<uint64_t>(space.available)),
              "free some or set models.dir to another disk");
}

}  // namespace bp
