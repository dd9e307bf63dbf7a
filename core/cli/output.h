// What commands print: JSON documents on standard output, words for people and errors on standard error.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"

namespace bp::cli {

// Writes to standard output at once. Errors: kFailed where it is closed or full.
Status print(std::string_view text);
// One document and a newline.
Status print_json(const json::value& document);
// The line on standard error (none for an error without words: the command told it) and, with `as_json`, {"error": {…}}
// on standard output.
void print_error(const Error& error, bool as_json);

// All of standard input, refused above `max_bytes`.
Result<std::string> read_stdin(size_t max_bytes);

// [rows, columns] float32 in NumPy's .npy format (version 1.0), written as rows come.
class NpyWriter {
 public:
  static Result<NpyWriter> create(const std::string& path, uint64_t n_rows, uint64_t n_columns);
  NpyWriter(NpyWriter&& other) noexcept;
  ~NpyWriter();
  // Row `first` and the following ones. Errors: kFailed where the disk is full.
  Status write_rows(uint64_t first, std::span<const float> rows);
  Status close();

 private:
  NpyWriter(std::string path, int fd, uint64_t n_columns, uint64_t header_bytes)
      : path_(std::move(path)), fd_(fd), n_columns_(n_columns), header_bytes_(header_bytes) {}

  std::string path_;
  int fd_ = -1;
  uint64_t n_columns_ = 0;
  uint64_t header_bytes_ = 0;
};

}  // namespace bp::cli
