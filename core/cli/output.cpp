#include "cli/output.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

namespace bp::cli {

Status print(std::string_view text) {
  const bool done = std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
  if (!done) return fail(ErrorCode::kFailed, "standard output", fmt::format("cannot write ({})", std::strerror(errno)));
  return {};
}

Status print_json(const json::value& document) { return print(write_json(document) + "\n"); }

void print_error(const Error& error, bool as_json) {
  std::fflush(stdout);
  if (error.where.empty() && error.what.empty()) return;  // the command said it itself
  fmt::print(stderr, "backplane: {}\n", error.message());
  if (!as_json) return;
  const json::object fields = {
      {"code", error_code_name(error.code)}, {"where", error.where}, {"what", error.what}, {"fix", error.fix}};
  (void)print_json(json::object{{"error", fields}});
}

Result<std::string> read_stdin(size_t max_bytes) {
  std::string text;
  char chunk[1 << 16];
  for (;;) {
    const ssize_t n = ::read(STDIN_FILENO, chunk, sizeof(chunk));
    if (n < 0 && errno == EINTR) return fail(ErrorCode::kInterrupted, "standard input", "interrupted");
    if (n < 0) return fail(ErrorCode::kFailed, "standard input", fmt::format("cannot read ({})", std::strerror(errno)));
    if (n == 0) return text;
    text.append(chunk, static_cast<size_t>(n));
    if (text.size() > max_bytes) {
      return fail(ErrorCode::kUsage, "standard input", fmt::format("is too long (over {} bytes)", max_bytes),
                  "send less");
    }
  }
}

Result<NpyWriter> NpyWriter::create(const std::string& path, uint64_t n_rows, uint64_t n_columns) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd < 0)
    return fail(ErrorCode::kUsage, path, fmt::format("cannot write ({})", std::strerror(errno)), "name another file");
  // The header's length, with its ten bytes before, is a multiple of 64.
  std::string header =
      fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {}), }}", n_rows, n_columns);
  header.append(64 - (10 + header.size() + 1) % 64, ' ');
  header += '\n';
  std::string head("\x93NUMPY\x01\x00", 8);
  head += static_cast<char>(header.size() & 0xff);
  head += static_cast<char>(header.size() >> 8);
  head += header;
  NpyWriter writer(path, fd, n_columns, head.size());
  if (::pwrite(fd, head.data(), head.size(), 0) != static_cast<ssize_t>(head.size())) {
    return fail(ErrorCode::kFailed, path, fmt::format("cannot write ({})", std::strerror(errno)), "check the disk");
  }
  return writer;
}

NpyWriter::NpyWriter(NpyWriter&& other) noexcept
    : path_(std::move(other.path_)),
      fd_(std::exchange(other.fd_, -1)),
      n_columns_(other.n_columns_),
      header_bytes_(other.header_bytes_) {}

NpyWriter::~NpyWriter() {
  if (fd_ >= 0) ::close(fd_);
}

Status NpyWriter::write_rows(uint64_t first, std::span<const float> rows) {
  const auto bytes = std::as_bytes(rows);
  auto at = static_cast<off_t>(header_bytes_ + first * n_columns_ * sizeof(float));
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t n = ::pwrite(fd_, bytes.data() + done, bytes.size() - done, at);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0)
      return fail(ErrorCode::kFailed, path_, fmt::format("cannot write ({})", std::strerror(errno)), "check the disk");
    done += static_cast<size_t>(n);
    at += n;
  }
  return {};
}

Status NpyWriter::close() {
  if (::close(std::exchange(fd_, -1)) == 0) return {};
  return fail(ErrorCode::kFailed, path_, fmt::format("cannot write ({})", std::strerror(errno)), "check the disk");
}

}  // namespace bp::cli
