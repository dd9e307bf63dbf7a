#include "base/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace bp {
namespace {

constexpr int kBarWidth = 30;
constexpr auto kRedrawEvery = std::chrono::milliseconds(100);

std::string megabytes(uint64_t size_bytes) { return fmt::format("{:.1f}", static_cast<double>(size_bytes) / 1e6); }

}  // namespace

ProgressStyle progress_style(bool no_progress) {
  const char* no_color = std::getenv("NO_COLOR");
  const bool terminal = ::isatty(STDERR_FILENO) == 1;
  const bool colour = terminal && (no_color == nullptr || no_color[0] == '\0');
  return {.shown = !no_progress, .terminal = terminal, .colour = colour};
}

Progress::Progress(ProgressStyle style, std::string label, uint64_t total_bytes)
    : style_(std::move(style)), label_(std::move(label)), total_(total_bytes) {}

Progress::~Progress() {
  if (drawn_ && !finished_) write("\n");
}

void Progress::update(uint64_t done_bytes) {
  if (!style_.shown || finished_) return;
  done_ = done_bytes;
  const Clock::time_point now = Clock::now();
  if (!begun_) {
    begun_ = true;
    start_ = now;
    first_ = done_bytes;
  }
  if (!style_.terminal) return write_line();
  if (drawn_ && now - last_ < kRedrawEvery) return;
  last_ = now;
  draw_bar();
}

void Progress::finish() {
  if (!style_.shown || finished_) return;
  if (total_ != 0) done_ = total_;
  if (style_.terminal) {
    draw_bar();
    write("\n");
  } else {
    write_line();
  }
  finished_ = true;
}

void Progress::draw_bar() {
  drawn_ = true;
  if (total_ == 0) return write(fmt::format("\r{} …\x1b[K", label_));
  const double share = std::min(1.0, static_cast<double>(done_) / static_cast<double>(total_));
  const int filled = static_cast<int>(share * kBarWidth);
  std::string bar;
  for (int i = 0; i < kBarWidth; ++i) bar += i < filled ? "█" : "░";
  if (style_.colour) bar = "\x1b[36m" + bar + "\x1b[0m";
  const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
  const double rate = seconds > 0.2 ? static_cast<double>(done_ - std::min(done_, first_)) / seconds / 1e6 : 0.0;
  // Back to the line's start, and the rest of what was there erased.
  if (!style_.counted.empty())
    return write(
        fmt::format("\r{} {} {:3.0f} % {} of {} {}\x1b[K", label_, bar, 100 * share, done_, total_, style_.counted));
  write(fmt::format("\r{} {} {:3.0f} % {} of {} MB, {:.1f} MB/s\x1b[K", label_, bar, 100 * share, megabytes(done_),
                    megabytes(total_), rate));
}

void Progress::write_line() {
  if (total_ == 0) {
    if (std::exchange(tenths_, 0) < 0) write(label_ + " …\n");
    return;
  }
  const int tenths = static_cast<int>(std::min(1.0, static_cast<double>(done_) / static_cast<double>(total_)) * 10);
  if (tenths <= tenths_) return;
  tenths_ = tenths;
  if (!style_.counted.empty()) return write(fmt::format("{}: {} of {} {}\n", label_, done_, total_, style_.counted));
  write(fmt::format("{}: {} % of {} MB\n", label_, tenths * 10, megabytes(total_)));
}

void Progress::write(std::string_view text) const {
  if (style_.write) return style_.write(text);
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

}  // namespace bp
