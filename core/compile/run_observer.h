// Told of every piece of work while a program runs: what profiles hang on. Called on the thread that runs the program;
// an error ends the run with it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/result.h"

namespace bp {

class Program;
class Queue;

class RunObserver {
 public:
  virtual ~RunObserver() = default;

  // `sizes`: by symbol of the graph, derived ones included. `queue` null: the reference. Both are valid until
  // end_run().
  virtual Status begin_run(const Program& program, std::span<const int64_t> sizes, Queue* queue) = 0;
  // Around the launch of program.steps()[at]: on inline devices and on the reference the work is done in between, on
  // others it is enqueued. Views are passed over.
  virtual Status begin_launch(size_t at) = 0;
  virtual Status end_launch(size_t at) = 0;
  virtual Status end_run() = 0;
};

}  // namespace bp
