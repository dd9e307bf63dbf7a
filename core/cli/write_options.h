// What the commands that write a model have in common: a progress bar, Ctrl-C, and the report at the end.
#pragma once

#include <memory>
#include <string>

#include "base/progress.h"
#include "cli/command.h"
#include "model/quantize.h"

namespace bp::cli {

// Not thread-safe. Outlives the options it gives.
class WriteProgress {
 public:
  WriteProgress(const GlobalOptions& global, std::string label);

  WriteOptions options(int n_threads);
  void finish();

 private:
  ProgressStyle style_;
  std::string label_;
  std::unique_ptr<Progress> bar_;
};

// Notes for people on standard error; {path, type, size, tensors{type: count}, notes[]} on standard output with --json,
// else the path.
Status print_written(const GlobalOptions& global, const std::string& path, const QuantizeReport& report);

}  // namespace bp::cli
