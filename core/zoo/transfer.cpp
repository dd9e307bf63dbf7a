#include "zoo/transfer.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <mutex>
#include <utility>

#include "base/mapped_file.h"
#include "zoo/store.h"

namespace bp {
namespace {

void init_curl() {
  static std::once_flag once;
  std::call_once(once, [] { ::curl_global_init(CURL_GLOBAL_DEFAULT); });
}

bool is_https(std::string_view url) { return url.size() >= 8 && ::curl_strnequal(url.data(), "https://", 8) != 0; }

std::string token_of(const PullOptions& options) {
  const char* variable = std::getenv("HF_TOKEN");
  const std::string token = !options.hub_token.empty() || variable == nullptr ? options.hub_token : variable;
  const bool plain = std::ranges::all_of(token, [](char c) { return c > ' ' && c < 0x7f; });
  return plain ? token : "";
}

bool is_unreachable(CURLcode code) {
  return code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_RESOLVE_PROXY || code == CURLE_COULDNT_CONNECT;
}

bool is_lost_on_the_way(CURLcode code) {
  return code == CURLE_PARTIAL_FILE || code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR ||
         code == CURLE_GOT_NOTHING || code == CURLE_OPERATION_TIMEDOUT || code == CURLE_HTTP2 ||
         code == CURLE_HTTP2_STREAM;
}

}  // namespace

Transfer::Transfer(const Fetch& fetch, FileFetch& file, std::string url)
    : fetch_(fetch), file_(file), url_(std::move(url)), size_(file.file.size_bytes) {
  init_curl();
}

Transfer::~Transfer() {
  if (fd_ >= 0) ::close(fd_);
}

size_t Transfer::on_body(char* data, size_t, size_t n, void* self) {
  return static_cast<Transfer*>(self)->write(data, n);
}

// Called for each response of a chain of redirects: the last one counts.
size_t Transfer::on_header(char* data, size_t, size_t n, void* self) {
  static_cast<Transfer*>(self)->headers_.add({data, n});
  return n;
}

int Transfer::on_progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<Transfer*>(self)->fetch_.options.stop.stop_requested() ? 1 : 0;
}

Status Transfer::open_part() {
  fd_ = ::open(file_.part.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  struct stat info{};
  if (fd_ < 0 || ::fstat(fd_, &info) != 0) {
    return fail(ErrorCode::kFailed, file_.part, fmt::format("cannot be written ({})", std::strerror(errno)),
                "check the disk");
  }
  offset_ = static_cast<uint64_t>(info.st_size);
  if (size_ != 0 && offset_ > size_ && ::ftruncate(fd_, 0) == 0) offset_ = 0;
  ::lseek(fd_, static_cast<off_t>(offset_), SEEK_SET);
  first_offset_ = offset_;
  return {};
}

// If-Range: should the file have changed since, the server sends all of it and not a piece that does not fit.
curl_slist* Transfer::headers() const {
  curl_slist* list = nullptr;
  if (offset_ == 0) return list;
  list = ::curl_slist_append(list, fmt::format("Range: bytes={}-", offset_).c_str());
  const auto etag = read_text_file(file_.part + ".etag", 512);
  if (etag && etag->starts_with('"')) list = ::curl_slist_append(list, ("If-Range: " + *etag).c_str());
  return list;
}

void Transfer::set_options(CURL* curl, char* error_text) {
  const PullOptions& options = fetch_.options;
  const bool https = is_https(url_);
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

bool Transfer::refuse(std::string what) {
  refusal_ = Error{ErrorCode::kRefused, url_, std::move(what), "use another source"};
  return false;
}

// Takes `total` as the file's size, unless another one is known.
bool Transfer::check_total(uint64_t total) {
  for (const uint64_t known : {size_, headers_.linked_size().value_or(0)}) {
    if (known != 0 && known != total) return refuse(fmt::format("has {} bytes, not {}", total, known));
  }
  const std::string& promised = file_.file.sha256;
  if (!promised.empty() && !headers_.linked_sha256().empty() && headers_.linked_sha256() != promised) {
    return refuse(fmt::format("has sha256 {}, not {}", headers_.linked_sha256(), promised));
  }
  if (size_ == 0) {
    if (const Status space = check_space(fetch_.folder, total - std::min(total, offset_)); !space) {
      refusal_ = space.error();
      return false;
    }
  }
  size_ = file_.source_size_bytes = total;
  file_.source_sha256 = headers_.linked_sha256();
  return true;
}

// Decides, once the response is known, whether its body is the file or what is missing of it.
bool Transfer::begin_body() {
  long code = 0;
  curl_off_t length = -1;
  ::curl_easy_getinfo(curl_, CURLINFO_RESPONSE_CODE, &code);
  ::curl_easy_getinfo(curl_, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
  if (code != 200 && code != 206) return true;
  if (code == 206 && headers_.range_first() != offset_) {
    restart_ = true;
    return false;
  }
  if (code == 200 && offset_ != 0) {
    if (::ftruncate(fd_, 0) != 0 || ::lseek(fd_, 0, SEEK_SET) != 0) return false;
    offset_ = first_offset_ = 0;
  }
  // What the length says and what the range says must be the same.
  std::optional<uint64_t> total = headers_.range_total();
  if (code != 206) total = std::nullopt;
  if (length >= 0) {
    const uint64_t sum = static_cast<uint64_t>(length) + offset_;
    if (total && *total != sum) return refuse(fmt::format("has {} bytes, not {}", sum, *total));
    total = sum;
  }
  if (!total && size_ == 0) return refuse("does not say how large it is");
  if (total && !check_total(*total)) return false;
  if (!headers_.etag().empty()) std::ofstream(file_.part + ".etag") << headers_.etag();
  keep_body_ = true;
  return true;
}

size_t Transfer::write(const char* data, size_t n) {
  constexpr size_t kAbort = 0;  // any other number than n
  if (!std::exchange(body_begun_, true) && !begin_body()) return kAbort;
  if (!keep_body_) return n;
  if (n > size_ - offset_) {
    refuse(fmt::format("sends more than {} bytes", size_));
    return kAbort;
  }
  for (size_t done = 0; done < n;) {
    const ssize_t written = ::write(fd_, data + done, n - done);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      refusal_ = Error{ErrorCode::kFailed, file_.part, fmt::format("cannot be written ({})", std::strerror(errno)),
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
  const uint64_t total = fetch_.total_bytes != 0 ? fetch_.total_bytes : size_;
  const uint64_t done = fetch_.total_bytes != 0 ? fetch_.done_bytes + offset_ : offset_;
  if (fetch_.options.progress) fetch_.options.progress("fetching", done, total);
}

Transfer::Outcome Transfer::run() {
  if (Status opened = open_part(); !opened) return {std::move(opened)};
  if (size_ != 0 && offset_ == size_) return {};
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
    remove_part(file_.part);
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
  if (offset_ < size_) {
    return {fail(ErrorCode::kFailed, url_, fmt::format("ends after {} of {} bytes", offset_, size_)), true, brought};
  }
  return {};
}

}  // namespace bp
