// How far long work has come: a bar on a terminal, else a line for every tenth. Not thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace bp {

struct ProgressStyle {
  bool shown = true;
  bool terminal = false;  // a bar that is drawn over
  bool colour = false;
  std::function<void(std::string_view)> write{};  // empty: standard error
  std::string counted{};                          // what the numbers count: "problems"; empty: bytes
};

// Of standard error: a bar where it is a terminal, no colour where $NO_COLOR is set, nothing with --no-progress.
ProgressStyle progress_style(bool no_progress);

class Progress {
 public:
  // `total_bytes` 0: not known.
  Progress(ProgressStyle style, std::string label, uint64_t total_bytes);
  // Ends the line of a bar that was not finished.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Cheap: draws only now and then.
  void update(uint64_t done_bytes);
  void finish();

 private:
  using Clock = std::chrono::steady_clock;
  void draw_bar();
  void write_line();
  void write(std::string_view text) const;

  ProgressStyle style_;
  std::string label_;
  uint64_t total_ = 0, done_ = 0, first_ = 0;
  bool begun_ = false, drawn_ = false, finished_ = false;
  int tenths_ = -1;
  Clock::time_point start_{}, last_{};
};

}  // namespace bp
