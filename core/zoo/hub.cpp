#include <curl/curl.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "base/mapped_file.h"
#include "zoo/fetch.h"
#include "zoo/store.h"

namespace bp {
namespace {

constexpr int kMaxAttempts = 50;  // in all, however much each brought

void init_curl() {
  static std::once_flag once;
  std::call_once(once, [] { ::curl_global_init(CURL_GLOBAL_DEFAULT); });
}

bool starts_without_case(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() && ::curl_strnequal(text.data(), prefix.data(), prefix.size()) != 0;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == '\r' || text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  return text;
}

// One request: the rest of the file from where the part ends.
class Transfer {
 public:
  Transfer(const Fetch& fetch, std::string url) : fetch_(fetch), url_(std::move(url)) {}
  ~Transfer() {
    if (fd_ >= 0) ::close(fd_);
  }
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  struct Outcome {
    Status status;
    bool try_again = false;
    bool brought = false;  // the part has grown
  };
  Outcome run();

 private:
  Status open_part();
  Outcome judge(CURLcode code, const char* curl_text);
  void set_options(CURL* curl, char* error_text);
  curl_slist* headers() const;
  bool begin_body();
  size_t write(const char* data, size_t n);
  void header(std::string_view line);
  bool refuse(std::string what);
  void report() const;

  static size_t on_body(char* data, size_t, size_t n, void* self) {
    return static_cast<Transfer*>(self)->write(data, n);
  }
  static size_t on_header(char* data, size_t, size_t n, void* self) {
    static_cast<Transfer*>(self)->header({data, n});
    return n;
  }
  static int on_progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return static_cast<Transfer*>(self)->fetch_.options.stop.stop_requested() ? 1 : 0;
  }

  const Fetch& fetch_;
  std::string url_;
  CURL* curl_ = nullptr;
  int fd_ = -1;
  uint64_t offset_ = 0;        // bytes in the part
  uint64_t first_offset_ = 0;  // as this request began
  bool body_begun_ = false, keep_body_ = false, restart_ = false;
  std::string etag_, content_range_;
  std::optional<Error> refusal_;
};

Status Transfer::open_part() {
  fd_ = ::open(fetch_.part.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  struct stat info{};
  if (fd_ < 0 || ::fstat(fd_, &info) != 0) {
    return fail(ErrorCode::kFailed, fetch_.part, fmt::format("cannot be written ({})", std::strerror(errno)),
                "check the disk");
  }
  offset_ = static_cast<uint64_t>(info.st_size);
  if (offset_ > fetch_.model.size_bytes && ::ftruncate(fd_, 0) == 0) offset_ = 0;
  ::lseek(fd_, static_cast<off_t>(offset_), SEEK_SET);
  first_offset_ = offset_;
  return {};
}

// If-Range: should the file have changed since, the server sends all of it and not a piece that does not fit.
curl_slist* Transfer::headers() const {
  curl_slist* list = nullptr;
  if (offset_ == 0) return list;
  list = ::curl_slist_append(list, fmt::format("Range: bytes={}-", offset_).c_str());
  const auto etag = read_text_file(fetch_.part + ".etag", 512);
  if (etag && etag->starts_with('"')) list = ::curl_slist_append(list, ("If-Range: " + *etag).c_str());
  return list;
}

std::string token_of(const PullOptions& options) {
  const char* variable = std::getenv("HF_TOKEN");
  const std::string token = !options.hub_token.empty() || variable == nullptr ? options.hub_token : variable;
  const bool plain = std::ranges::all_of(token, [](char c) { return c > ' ' && c < 0x7f; });
  return plain ? token : "";
}

void Transfer::set_options(CURL* curl, char* error_text) {
  const PullOptions& options = fetch_.options;
  const bool https = starts_without_case(url_, "https://");
  ::curl_easy_setopt(curl, CURLOPT_URL, url_.c_str());
  ::curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  // What began encrypted stays so.
  ::curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, https ? "https" : "http,https");
  ::curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
  ::curl_easy_setopt(curl, CURLOPT_MAXREDIRS, 5L);
  ::curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  ::curl_easy_setopt(curl, CURLOPT_USERAGENT, "backplane");
  ::curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options.connect_timeout_ms));
  ::curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1024L);
  ::curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME,
                     static_cast<long>(std::max<int64_t>(1, options.stall_timeout_ms / 1000)));
  ::curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error_text);
  ::curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &Transfer::on_body);
  ::curl_easy_setopt(curl, CURLOPT_WRITEDATA, this);
  ::curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, &Transfer::on_header);
  ::curl_easy_setopt(curl, CURLOPT_HEADERDATA, this);
  ::curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  ::curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, &Transfer::on_progress);
  ::curl_easy_setopt(curl, CURLOPT_XFERINFODATA, this);
  if (const std::string token = token_of(options); https && !token.empty()) {
    ::curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
    ::curl_easy_setopt(curl, CURLOPT_XOAUTH2_BEARER, token.c_str());
  }
}

// Called for each response of a chain of redirects: the last one counts.
void Transfer::header(std::string_view line) {
  if (line.starts_with("HTTP/")) {
    etag_.clear();
    content_range_.clear();
  }
  if (starts_without_case(line, "etag:")) etag_ = trimmed(line.substr(5));
  if (starts_without_case(line, "content-range:")) content_range_ = trimmed(line.substr(14));
}

bool Transfer::refuse(std::string what) {
  refusal_ = Error{ErrorCode::kRefused, url_, std::move(what), "use another source"};
  return false;
}

// Decides, once the response is known, whether its body is the file or what is missing of it.
bool Transfer::begin_body() {
  long code = 0;
  curl_off_t length = -1;
  ::curl_easy_getinfo(curl_, CURLINFO_RESPONSE_CODE, &code);
  ::curl_easy_getinfo(curl_, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
  if (code != 200 && code != 206) return true;
  if (code == 206 && !content_range_.starts_with(fmt::format("bytes {}-", offset_))) {
    restart_ = true;
    return false;
  }
  if (code == 200 && offset_ != 0) {
    if (::ftruncate(fd_, 0) != 0 || ::lseek(fd_, 0, SEEK_SET) != 0) return false;
    offset_ = first_offset_ = 0;
  }
  const uint64_t missing = fetch_.model.size_bytes - offset_;
  if (length >= 0 && static_cast<uint64_t>(length) != missing) {
    return refuse(
        fmt::format("has {} bytes, not {}", static_cast<uint64_t>(length) + offset_, fetch_.model.size_bytes));
  }
  // A weak tag (W/"…") does not promise the same bytes.
  if (etag_.starts_with('"')) std::ofstream(fetch_.part + ".etag") << etag_;
  keep_body_ = true;
  return true;
}

size_t Transfer::write(const char* data, size_t n) {
  constexpr size_t kAbort = 0;  // any other number than n
  if (!std::exchange(body_begun_, true) && !begin_body()) return kAbort;
  if (!keep_body_) return n;
  if (n > fetch_.model.size_bytes - offset_) {
    refuse(fmt::format("sends more than {} bytes", fetch_.model.size_bytes));
    return kAbort;
  }
  for (size_t done = 0; done < n;) {
    const ssize_t written = ::write(fd_, data + done, n - done);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      refusal_ = Error{ErrorCode::kFailed, fetch_.part, fmt::format("cannot be written ({})", std::strerror(errno)),
                       "check the disk"};
      return kAbort;
    }
    done += static_cast<size_t>(written);
    offset_ += static_cast<uint64_t>(written);
  }
  report();
  return n;
}

void Transfer::report() const {
  if (fetch_.options.progress) fetch_.options.progress("fetching", offset_, fetch_.model.size_bytes);
}

Transfer::Outcome Transfer::run() {
  if (Status opened = open_part(); !opened) return {std::move(opened)};
  if (offset_ == fetch_.model.size_bytes) return {};
  const std::unique_ptr<CURL, decltype(&::curl_easy_cleanup)> curl(::curl_easy_init(), &::curl_easy_cleanup);
  if (curl == nullptr) return {fail(ErrorCode::kFailed, url_, "libcurl cannot be started")};
  curl_ = curl.get();
  char error_text[CURL_ERROR_SIZE] = {};
  set_options(curl_, error_text);
  const std::unique_ptr<curl_slist, decltype(&::curl_slist_free_all)> list(headers(), &::curl_slist_free_all);
  ::curl_easy_setopt(curl_, CURLOPT_HTTPHEADER, list.get());
  const CURLcode code = ::curl_easy_perform(curl_);
  return judge(code, error_text[0] != '\0' ? error_text : ::curl_easy_strerror(code));
}

bool is_unreachable(CURLcode code) {
  return code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_RESOLVE_PROXY || code == CURLE_COULDNT_CONNECT;
}

bool is_lost_on_the_way(CURLcode code) {
  return code == CURLE_PARTIAL_FILE || code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR ||
         code == CURLE_GOT_NOTHING || code == CURLE_OPERATION_TIMEDOUT || code == CURLE_HTTP2 ||
         code == CURLE_HTTP2_STREAM;
}

Transfer::Outcome Transfer::judge(CURLcode code, const char* curl_text) {
  const bool brought = offset_ > first_offset_;
  if (fetch_.options.stop.stop_requested()) return {fail(ErrorCode::kInterrupted, url_, "interrupted")};
  if (refusal_) return {std::unexpected(*refusal_)};
  long http = 0, connected = 0;
  curl_off_t connect_us = 0;
  ::curl_easy_getinfo(curl_, CURLINFO_RESPONSE_CODE, &http);
  ::curl_easy_getinfo(curl_, CURLINFO_CONNECT_TIME_T, &connect_us);
  connected = connect_us > 0 ? 1 : 0;
  // What the part holds is not what the server has.
  if (restart_ || http == 416) {
    remove_part(fetch_.part);
    return {fail(ErrorCode::kFailed, url_, "cannot be resumed"), true, false};
  }
  if (code != CURLE_OK) {
    const bool again = !is_unreachable(code) && is_lost_on_the_way(code) && connected == 1;
    return {fail(ErrorCode::kFailed, url_, curl_text, "check the network"), again, brought};
  }
  if (http != 200 && http != 206) {
    const bool again = http >= 500 || http == 408 || http == 429;
    const char* fix = http == 401 || http == 403 ? "set HF_TOKEN to a token that may read it" : "";
    return {fail(ErrorCode::kFailed, url_, fmt::format("answers {}", http), fix), again, false};
  }
  if (offset_ < fetch_.model.size_bytes) {
    return {fail(ErrorCode::kFailed, url_, fmt::format("ends after {} of {} bytes", offset_, fetch_.model.size_bytes)),
            true, brought};
  }
  return {};
}

// False once a stop is asked for.
bool pause(int64_t duration_ms, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  wake.wait_for(lock, stop, std::chrono::milliseconds(duration_ms), [] { return false; });
  return !stop.stop_requested();
}

std::string url_of(const HubSource& source, const std::string& hub_url) {
  std::string base = hub_url;
  while (base.ends_with('/')) base.pop_back();
  return fmt::format("{}/{}/resolve/{}/{}", base, source.repo, source.revision, source.file);
}

}  // namespace

Status fetch_from_hub(const HubSource& source, const Fetch& fetch) {
  init_curl();
  const std::string url = url_of(source, fetch.options.hub_url);
  Transfer::Outcome last;
  int barren = 0;  // attempts in a row that brought nothing
  for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
    last = Transfer(fetch, url).run();
    if (last.status || !last.try_again) return last.status;
    barren = last.brought ? 0 : barren + 1;
    if (barren >= fetch.options.max_attempts) break;
    if (!pause(fetch.options.backoff_ms << std::min(barren, 6), fetch.options.stop)) {
      return fail(ErrorCode::kInterrupted, url, "interrupted");
    }
  }
  return last.status;
}

}  // namespace bp
