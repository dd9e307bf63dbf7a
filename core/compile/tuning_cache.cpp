#include "compile/tuning_cache.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <optional>
#include <thread>
#include <utility>

#include "base/cache_folder.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mapped_file.h"
#include "base/output_file.h"
#include "base/sha256.h"

namespace bp {
namespace {

constexpr size_t kMaxLineBytes = 64 * 1024;
constexpr size_t kMaxFileBytes = size_t{64} << 20;
constexpr size_t kMaxEntries = 65536;
constexpr size_t kMaxTunables = 64;
constexpr size_t kMaxText = 4096;
constexpr double kMaxUs = 3.6e9;  // an hour
constexpr std::string_view kSumMember = ",\"sha256\":\"";
constexpr auto kLockTimeout = std::chrono::seconds(10);

std::optional<std::string> text_of(const json::object& line, std::string_view key) {
  const json::value* found = line.if_contains(key);
  if (found == nullptr || !found->is_string()) return std::nullopt;
  const auto& text = found->get_string();
  if (text.empty() || text.size() > kMaxText) return std::nullopt;
  return std::string(text.data(), text.size());
}

std::optional<std::string> hash_of(const json::object& line, std::string_view key) {
  auto text = text_of(line, key);
  const auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  if (text.has_value() && (text->size() != 64 || !std::ranges::all_of(*text, is_digit))) text.reset();
  return text;
}

double microseconds(const json::object& line, std::string_view key) {
  const json::value* found = line.if_contains(key);
  if (found == nullptr || !found->is_double()) return 0;
  const double us = found->get_double();
  return std::isfinite(us) && us > 0 && us <= kMaxUs ? us : 0;
}

std::optional<std::vector<TunedValue>> config_of(const json::object& line) {
  const json::value* found = line.if_contains("config");
  if (found == nullptr || !found->is_object() || found->get_object().size() > kMaxTunables) return std::nullopt;
  std::vector<TunedValue> config;
  for (const auto& [name, value] : found->get_object()) {
    if (!value.is_int64() || name.empty() || name.size() > kMaxText) return std::nullopt;
    config.push_back({std::string(name.data(), name.size()), value.get_int64()});
  }
  return config;
}

// The checksum is of the text: a number that is parsed and written again may differ in its last digit.
bool has_its_sum(std::string_view line) {
  const size_t at = line.rfind(kSumMember);
  if (at == std::string_view::npos || !line.ends_with("\"}")) return false;
  const std::string_view sum = line.substr(at + kSumMember.size(), line.size() - at - kSumMember.size() - 2);
  return sha256_hex(std::string(line.substr(0, at)) + "}") == sum;
}

std::optional<TuningEntry> entry_of(std::string_view text) {
  if (text.size() > kMaxLineBytes || !has_its_sum(text)) return std::nullopt;
  const auto parsed = parse_json(text, "tuning", {kMaxLineBytes, 4});
  if (!parsed.has_value() || !parsed->is_object()) return std::nullopt;
  const json::object& line = parsed->get_object();
  const json::value* version = line.if_contains("v");
  if (version == nullptr || !version->is_int64() || version->get_int64() != 1) return std::nullopt;
  const auto plugin = hash_of(line, "plugin");
  const auto kernel = text_of(line, "kernel");
  const auto device = hash_of(line, "device");
  const auto problem = text_of(line, "problem");
  auto config = config_of(line);
  const double us = microseconds(line, "us");
  const double default_us = microseconds(line, "default_us");
  if (!plugin || !kernel || !device || !problem || !config || us <= 0 || default_us <= 0) return std::nullopt;
  return TuningEntry{{*plugin, *kernel, *device, *problem}, std::move(*config), us, default_us};
}

// One writer at a time; another process's lock ends with it. The file stays: a lock of a removed file is nobody's.
class WriterLock {
 public:
  static Result<WriterLock> take(const std::string& folder) {
    const std::string path = folder + "/.lock";
    WriterLock lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644));
    if (lock.fd_ < 0) return failed(path, "cannot be opened");
    const auto until = std::chrono::steady_clock::now() + kLockTimeout;
    while (::flock(lock.fd_, LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK && errno != EINTR) return failed(path, "cannot be locked");
      if (std::chrono::steady_clock::now() > until) return failed(path, "is held by another process");
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return lock;
  }
  WriterLock(WriterLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  WriterLock& operator=(WriterLock&&) = delete;
  ~WriterLock() {
    if (fd_ >= 0) ::close(fd_);
  }

 private:
  explicit WriterLock(int fd) : fd_(fd) {}
  static std::unexpected<Error> failed(const std::string& path, const char* what) {
    return fail(ErrorCode::kFailed, path, fmt::format("{} ({})", what, std::strerror(errno)),
                "set models.cache_dir to a local folder of yours");
  }
  int fd_ = -1;
};

// Nothing where there is no file. What is no plain file is not waited for.
std::string text_at(const std::string& path) {
  struct stat there{};
  if (::stat(path.c_str(), &there) != 0) return {};
  if (!S_ISREG(there.st_mode)) {
    log::warn("tuning: {} is no file: left out", path);
    return {};
  }
  auto text = read_text_file(path, kMaxFileBytes);
  if (text.has_value()) return std::move(*text);
  log::warn("tuning: {}: left out", text.error().message());
  return {};
}

}  // namespace

TuningText read_tuning_text(std::string_view text) {
  TuningText read;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.empty()) continue;
    auto entry = read.entries.size() < kMaxEntries ? entry_of(line) : std::nullopt;
    if (entry.has_value()) {
      read.entries.push_back(std::move(*entry));
    } else {
      ++read.n_dropped;
    }
  }
  return read;
}

std::string write_tuning_line(const TuningEntry& entry) {
  json::object config;
  for (const TunedValue& value : entry.config) config[value.tunable] = value.value;
  const json::object line{{"v", 1},
                          {"plugin", entry.key.plugin},
                          {"kernel", entry.key.kernel},
                          {"device", entry.key.device},
                          {"problem", entry.key.problem},
                          {"config", config},
                          {"us", entry.us},
                          {"default_us", entry.default_us}};
  std::string text = write_json(json::value(line));
  const std::string sum = sha256_hex(text);
  text.pop_back();  // the brace that ends it
  return text + std::string(kSumMember) + sum + "\"}\n";
}

TuningCache::TuningCache(std::string folder, std::string device, std::span<const std::string> seeds)
    : folder_(std::move(folder)), device_(std::move(device)) {
  for (const std::string& seed : seeds) read(seed);
  if (!folder_.empty()) read(file_in(folder_, device_));
}

std::string TuningCache::file_in(const std::string& folder, const std::string& device) {
  return folder + "/" + device.substr(0, 16) + ".jsonl";
}

void TuningCache::read(const std::string& path) {
  TuningText text = read_tuning_text(text_at(path));
  if (text.n_dropped > 0) log::warn("tuning: {}: {} damaged entries left out", path, text.n_dropped);
  size_t n_foreign = 0;
  for (TuningEntry& entry : text.entries) {
    if (entry.key.device == device_) {
      TuningKey key = entry.key;
      entries_.insert_or_assign(std::move(key), std::move(entry));
    } else {
      ++n_foreign;
    }
  }
  if (n_foreign > 0) log::debug("tuning: {}: {} entries are of other devices", path, n_foreign);
}

const TuningEntry* TuningCache::find(const TuningKey& key) const {
  const auto found = entries_.find(key);
  return found == entries_.end() ? nullptr : &found->second;
}

bool TuningCache::has(const std::string& plugin, const std::string& kernel) const {
  const auto first = entries_.lower_bound({plugin, kernel, {}, {}});
  return first != entries_.end() && first->first.plugin == plugin && first->first.kernel == kernel;
}

Status TuningCache::add(std::span<const TuningEntry> entries) {
  for (const TuningEntry& entry : entries) entries_.insert_or_assign(entry.key, entry);
  if (entries.empty()) return {};
  return write(entries);
}

Status TuningCache::write(std::span<const TuningEntry> entries) const {
  if (folder_.empty())
    return fail(ErrorCode::kFailed, "tuning", "there is no folder to keep results in", "set models.cache_dir");
  std::error_code error;
  std::filesystem::create_directories(folder_, error);
  if (error) {
    return fail(ErrorCode::kFailed, folder_, fmt::format("cannot be made ({})", error.message()),
                "set models.cache_dir to a folder of yours");
  }
  BP_TRY(const WriterLock lock, WriterLock::take(folder_));
  const std::string path = file_in(folder_, device_);
  std::map<TuningKey, TuningEntry> merged;
  TuningText there = read_tuning_text(text_at(path));
  for (TuningEntry& entry : there.entries) {
    TuningKey key = entry.key;
    merged.insert_or_assign(std::move(key), std::move(entry));
  }
  for (const TuningEntry& entry : entries) merged.insert_or_assign(entry.key, entry);
  std::string text;
  for (const auto& [key, entry] : merged) text += write_tuning_line(entry);
  BP_TRY(OutputFile file, OutputFile::create(path));
  BP_TRY_VOID(file.write(0, std::as_bytes(std::span(text))));
  return file.commit();
}

std::string tuning_folder(const std::string& cache_dir) { return cache_folder(cache_dir, "tune"); }

}  // namespace bp
