#include "http_server.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cstdlib>
#include <utility>

namespace bp::testing {
namespace {

constexpr int kPollMs = 10;

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

std::string read_head(int fd) {
  std::string head;
  char c = 0;
  while (!head.ends_with("\r\n\r\n") && head.size() < 16384 && ::recv(fd, &c, 1, 0) == 1) head += c;
  return head;
}

std::string head_of(const HttpReply& reply) {
  std::string head = fmt::format("HTTP/1.1 {} Status\r\nConnection: close\r\n", reply.status);
  if (!reply.no_length) head += fmt::format("Content-Length: {}\r\n", reply.claimed_length.value_or(reply.body.size()));
  for (const std::string& header : reply.headers) head += header + "\r\n";
  return head + "\r\n";
}

}  // namespace

std::string HttpRequest::header(const std::string& name) const {
  const size_t at = lower(head).find("\r\n" + name + ":");
  if (at == std::string::npos) return "";
  const size_t begin = head.find_first_not_of(' ', at + name.size() + 3);
  return head.substr(begin, head.find("\r\n", begin) - begin);
}

std::optional<size_t> HttpRequest::range_begin() const {
  const std::string range = header("range");
  if (!range.starts_with("bytes=")) return std::nullopt;
  return std::strtoull(range.c_str() + 6, nullptr, 10);
}

HttpServer::HttpServer(Handler handler) : handler_(std::move(handler)) {
  listen_fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  const bool bound = ::bind(listen_fd_, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                     ::listen(listen_fd_, 16) == 0 &&
                     ::getsockname(listen_fd_, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  port_ = bound ? ntohs(address.sin_port) : 0;
  thread_ = std::thread([this] { serve(); });
}

HttpServer::~HttpServer() {
  stop_ = true;
  thread_.join();
  ::close(listen_fd_);
}

std::string HttpServer::url() const { return fmt::format("http://127.0.0.1:{}", port_); }

std::vector<HttpRequest> HttpServer::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

void HttpServer::serve() {
  while (!stop_) {
    pollfd ready{.fd = listen_fd_, .events = POLLIN, .revents = 0};
    if (::poll(&ready, 1, kPollMs) <= 0) continue;
    const int fd = ::accept4(listen_fd_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    answer(fd);
    ::close(fd);
  }
}

void HttpServer::answer(int fd) {
  HttpRequest request{.head = read_head(fd), .path = {}};
  const size_t begin = request.head.find(' ') + 1;
  request.path = request.head.substr(begin, request.head.find(' ', begin) - begin);
  {
    const std::lock_guard lock(mutex_);
    requests_.push_back(request);
  }
  const HttpReply reply = handler_(request);
  if (!send_all(fd, head_of(reply))) return;
  const size_t piece = reply.piece == 0 ? std::max<size_t>(reply.body.size(), 1) : reply.piece;
  for (size_t at = 0; at < reply.body.size() && !stop_; at += piece) {
    if (!send_all(fd, std::string_view(reply.body).substr(at, piece))) return;
    wait_ms(reply.pause_ms);
  }
  stall(fd, reply.stall_ms);
}

bool HttpServer::send_all(int fd, std::string_view bytes) const {
  while (!bytes.empty()) {
    const ssize_t n = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

// Until the client has had enough.
void HttpServer::stall(int fd, int duration_ms) const {
  pollfd ready{.fd = fd, .events = POLLIN, .revents = 0};
  for (int waited = 0; waited < duration_ms && !stop_; waited += kPollMs) {
    if (::poll(&ready, 1, kPollMs) > 0) return;
  }
}

void HttpServer::wait_ms(int duration_ms) const {
  for (int waited = 0; waited < duration_ms && !stop_; waited += kPollMs) {
    std::this_thread::sleep_for(std::chrono::milliseconds(std::min(kPollMs, duration_ms)));
  }
}

HttpReply file_reply(const HttpRequest& request, const std::string& file, const std::string& etag) {
  HttpReply reply{.headers = {"ETag: " + etag}, .body = file};
  const std::optional<size_t> begin = request.range_begin();
  const std::string if_range = request.header("if-range");
  if (!begin || (!if_range.empty() && if_range != etag)) return reply;
  if (*begin >= file.size()) return {.status = 416};
  reply.status = 206;
  reply.headers.push_back(fmt::format("Content-Range: bytes {}-{}/{}", *begin, file.size() - 1, file.size()));
  reply.body = file.substr(*begin);
  return reply;
}

}  // namespace bp::testing
