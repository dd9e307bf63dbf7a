#include "plugin_host/verdict_cache.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <thread>
#include <utility>

#include "base/json.h"
#include "base/log.h"
#include "base/mapped_file.h"
#include "base/output_file.h"
#include "base/sha256.h"

namespace bp {
namespace {

constexpr size_t kMaxFileBytes = 4 << 20;
constexpr size_t kMaxLineBytes = 32 << 10;
constexpr size_t kMaxEntries = 1024;
constexpr auto kLockTimeout = std::chrono::seconds(2);
constexpr int kVersion = 1;

std::optional<std::string> text_of(const json::object& line, std::string_view key) {
  const json::value* found = line.if_contains(key);
  if (found == nullptr || !found->is_string()) return std::nullopt;
  return std::string(found->get_string().data(), found->get_string().size());
}

json::array json_of(const FileIdentity& id) {
  return {static_cast<int64_t>(id.device), static_cast<int64_t>(id.inode), static_cast<int64_t>(id.size_bytes),
          id.modified_ns, id.changed_ns};
}

std::optional<FileIdentity> identity_in(const json::object& line, std::string_view key) {
  const json::value* found = line.if_contains(key);
  if (found == nullptr || !found->is_array() || found->get_array().size() != 5) return std::nullopt;
  std::array<int64_t, 5> n{};
  for (size_t i = 0; i < n.size(); ++i) {
    const json::value& number = found->get_array()[i];
    if (!number.is_int64()) return std::nullopt;
    n[i] = number.get_int64();
  }
  return FileIdentity{static_cast<uint64_t>(n[0]), static_cast<uint64_t>(n[1]), static_cast<uint64_t>(n[2]), n[3],
                      n[4]};
}

std::optional<Verdict> probe_verdict(std::string_view name) {
  for (const Verdict verdict : {Verdict::kProbeSignal, Verdict::kProbeTimeout, Verdict::kProbeExit}) {
    if (name == verdict_name(verdict)) return verdict;
  }
  return std::nullopt;
}

std::string line_of(const std::string& path, const KnownFile& known) {
  json::object line{{"v", kVersion},
                    {"path", path},
                    {"identity", json_of(known.identity)},
                    {"sha256", known.sha256},
                    {"copy", known.copy},
                    {"copy_identity", json_of(known.copy_identity)},
                    {"probed_by", known.probed_by}};
  if (known.quarantine) {
    line["verdict"] = verdict_name(known.quarantine->verdict);
    line["reason"] = known.quarantine->reason;
    line["fix"] = known.quarantine->fix;
  }
  line["sum"] = sha256_hex(write_json(line));
  return write_json(line) + "\n";
}

std::optional<std::pair<std::string, KnownFile>> parse_line(std::string_view text) {
  if (text.size() > kMaxLineBytes) return std::nullopt;
  auto parsed = parse_json(text, "verdicts", {kMaxLineBytes, 4});
  if (!parsed || !parsed->is_object()) return std::nullopt;
  json::object& line = parsed->get_object();
  const auto sum = text_of(line, "sum");
  line.erase("sum");
  if (!sum || sha256_hex(write_json(*parsed)) != *sum) return std::nullopt;
  const json::value* version = line.if_contains("v");
  if (version == nullptr || !version->is_int64() || version->get_int64() != kVersion) return std::nullopt;
  const auto path = text_of(line, "path"), hash = text_of(line, "sha256"), copy = text_of(line, "copy");
  const auto probed_by = text_of(line, "probed_by");
  const auto identity = identity_in(line, "identity"), copy_identity = identity_in(line, "copy_identity");
  if (!path || !hash || !copy || !probed_by || !identity || !copy_identity) return std::nullopt;
  KnownFile known{*identity, *hash, *copy, *copy_identity, *probed_by};
  if (const auto name = text_of(line, "verdict")) {
    const auto verdict = probe_verdict(*name);
    if (!verdict) return std::nullopt;
    known.quarantine = Refusal{*verdict, text_of(line, "reason").value_or(""), text_of(line, "fix").value_or("")};
  }
  return std::pair(*path, std::move(known));
}

// Held until the object goes, or the process. The file stays: a lock of a removed file is nobody's.
class WriterLock {
 public:
  explicit WriterLock(const std::string& path)
      : fd_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600)) {}
  WriterLock(const WriterLock&) = delete;
  WriterLock& operator=(const WriterLock&) = delete;
  ~WriterLock() {
    if (fd_ >= 0) ::close(fd_);
  }
  bool take() const {
    const auto until = std::chrono::steady_clock::now() + kLockTimeout;
    while (fd_ >= 0 && ::flock(fd_, LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK && errno != EINTR) return false;
      if (std::chrono::steady_clock::now() > until) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return fd_ >= 0;
  }

 private:
  int fd_;
};

// Whose file it is, is the folder's matter: only its owner may enter it.
bool is_there(const std::string& path) {
  struct stat info{};
  return ::lstat(path.c_str(), &info) == 0;
}

}  // namespace

VerdictCache::VerdictCache(std::string file) : file_(std::move(file)), entries_(read()) {}

VerdictCache::Entries VerdictCache::read() const {
  Entries entries;
  const auto text = file_.empty() ? std::string() : read_text_file(file_, kMaxFileBytes).value_or("");
  std::string_view rest = text;
  while (!rest.empty() && entries.size() < kMaxEntries) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    if (auto entry = parse_line(rest.substr(0, end))) entries.insert_or_assign(entry->first, std::move(entry->second));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return entries;
}

const KnownFile* VerdictCache::find(const std::string& path, const FileIdentity& identity) const {
  const auto it = entries_.find(path);
  return it == entries_.end() || it->second.identity != identity ? nullptr : &it->second;
}

void VerdictCache::put(const std::string& path, KnownFile known) {
  entries_.insert_or_assign(path, std::move(known));
  changed_.insert(path);
}

bool VerdictCache::save() {
  if (file_.empty() || changed_.empty()) return false;
  const WriterLock lock(file_ + ".lock");
  if (!lock.take()) {
    log::debug("plugins: {} is locked; what was learnt of plugins is not kept", file_);
    return false;
  }
  Entries all = read();
  for (const std::string& path : changed_) all.insert_or_assign(path, entries_.at(path));
  std::string text;
  size_t n = 0;
  for (const auto& [path, known] : all) {
    if (is_there(path) && n++ < kMaxEntries) text += line_of(path, known);
  }
  changed_.clear();
  entries_ = std::move(all);
  auto file = OutputFile::create(file_);
  Status written = file ? file->write(0, std::as_bytes(std::span(text))) : std::unexpected(file.error());
  if (written) written = file->commit();
  if (!written) log::debug("plugins: {}", written.error().message());
  return written.has_value();
}

std::set<std::string> VerdictCache::copies() const {
  std::set<std::string> copies;
  for (const auto& [path, known] : entries_) copies.insert(known.copy);
  return copies;
}

}  // namespace bp
