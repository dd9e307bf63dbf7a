#include "cli/write_options.h"

#include <fmt/format.h>

#include <cstdio>

#include "cli/interrupt.h"
#include "cli/output.h"

namespace bp::cli {

WriteProgress::WriteProgress(const GlobalOptions& global, std::string label)
    : style_(progress_style(global.no_progress)), label_(std::move(label)) {}

WriteOptions WriteProgress::options(int n_threads) {
  WriteOptions options;
  options.n_threads = n_threads;
  options.stop = interrupt_token();
  options.progress = [this](uint64_t done, uint64_t total) {
    if (!bar_) bar_ = std::make_unique<Progress>(style_, label_, total);
    bar_->update(done);
  };
  return options;
}

void WriteProgress::finish() {
  if (bar_) bar_->finish();
}

Status print_written(const GlobalOptions& global, const std::string& path, const QuantizeReport& report) {
  for (const std::string& note : report.notes) fmt::print(stderr, "backplane: note: {}\n", note);
  if (!global.json) return print(path + "\n");
  json::object tensors;
  for (const auto& [name, count] : report.tensors) tensors[name] = count;
  json::array notes;
  for (const std::string& note : report.notes) notes.emplace_back(note);
  return print_json(json::object{{"path", path},
                                 {"type", dtype_name(report.type)},
                                 {"size", report.n_bytes},
                                 {"tensors", tensors},
                                 {"notes", notes}});
}

}  // namespace bp::cli
