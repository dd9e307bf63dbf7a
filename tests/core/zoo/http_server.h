// A small HTTP server on 127.0.0.1 that misbehaves as it is told. One connection at a time, on a thread of its own.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace bp::testing {

struct HttpRequest {
  std::string head;  // request line and headers
  std::string path;
  // Of a header, by its lower-case name; empty where there is none.
  std::string header(const std::string& name) const;
  // Of "Range: bytes=N-".
  std::optional<size_t> range_begin() const;
};

struct HttpReply {
  int status = 200;
  std::vector<std::string> headers{};
  std::string body{};
  std::optional<size_t> claimed_length{};  // of Content-Length; else the body's
  bool no_length = false;
  size_t piece = 0;  // bytes sent at a time; 0: all at once
  int pause_ms = 0;  // after each piece
  int stall_ms = 0;  // after the body, before the connection is closed
};

class HttpServer {
 public:
  using Handler = std::function<HttpReply(const HttpRequest&)>;
  explicit HttpServer(Handler handler);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  std::string url() const;
  std::vector<HttpRequest> requests() const;

 private:
  void serve();
  void answer(int fd);
  bool send_all(int fd, std::string_view bytes) const;
  void stall(int fd, int duration_ms) const;
  void wait_ms(int duration_ms) const;

  Handler handler_;
  int listen_fd_ = -1;
  int port_ = 0;
  std::atomic<bool> stop_ = false;
  mutable std::mutex mutex_;
  std::vector<HttpRequest> requests_;
  std::thread thread_;
};

// A file server with ranges and an entity tag.
HttpReply file_reply(const HttpRequest& request, const std::string& file, const std::string& etag = "\"tag\"");

}  // namespace bp::testing
