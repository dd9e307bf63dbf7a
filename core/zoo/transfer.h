// One request to the hub: the rest of a file from where its part ends.
// Not thread-safe: one per request. The only file pair that sees libcurl.
#pragma once

#include <curl/curl.h>

#include <optional>
#include <string>
#include <string_view>

#include "zoo/fetch.h"
#include "zoo/http_headers.h"

namespace bp {

class Transfer {
 public:
  Transfer(const Fetch& fetch, FileFetch& file, std::string url);
  ~Transfer();
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
  bool check_total(uint64_t total);
  size_t write(const char* data, size_t n);
  bool refuse(std::string what);
  void report() const;

  static size_t on_body(char* data, size_t, size_t n, void* self);
  static size_t on_header(char* data, size_t, size_t n, void* self);
  static int on_progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t);

  const Fetch& fetch_;
  FileFetch& file_;
  std::string url_;
  CURL* curl_ = nullptr;
  int fd_ = -1;
  uint64_t size_ = 0;          // of the whole file; 0: not known yet
  uint64_t offset_ = 0;        // bytes in the part
  uint64_t first_offset_ = 0;  // as this request began
  bool body_begun_ = false, keep_body_ = false, restart_ = false;
  HttpHeaders headers_;
  std::optional<Error> refusal_;
};

}  // namespace bp
