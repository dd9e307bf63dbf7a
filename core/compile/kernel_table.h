// A device's kernel rows, their patterns, guards, layouts and aliases parsed once. Immutable after create(): any
// thread.
#pragma once

#include <backplane/plugin.h>

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "graph/guard.h"
#include "graph/pattern.h"

namespace bp {

struct KernelRow {
  const bp_kernel* kernel = nullptr;
  std::string id;
  Pattern pattern;
  Guard guard;
  std::vector<std::vector<std::string>> layouts;  // by slot: accepted names, best first; empty: any, as the file has it
  std::vector<std::pair<int, int>> aliases;       // (output slot, input slot) that may share storage
  bool forced = false;                            // the configuration prefers it over all others
};

// A row that was left out, and why: printed by `plugins kernels` and `explain`.
struct RejectedRow {
  std::string id;
  std::string reason;
};

struct KernelSelection {
  std::vector<std::string> deny;   // ids never used
  std::vector<std::string> force;  // ids preferred over every other that matches
};

class KernelTable {
 public:
  // A row that cannot be parsed or names an op that this host lacks is rejected, and so is an experimental one that is
  // not forced; the others stay. Rows are ordered: forced ones first, then by the number of nodes they cover, then by
  // priority.
  static KernelTable create(std::span<const bp_kernel* const> kernels, const KernelSelection& selection);

  std::span<const KernelRow> rows() const { return rows_; }
  std::span<const RejectedRow> rejected() const { return rejected_; }
  // Ids of the selection that no kernel has.
  std::span<const std::string> unknown() const { return unknown_; }
  // Rows that the configuration denies: among the rejected, and here for saying where they would have matched.
  std::span<const KernelRow> denied() const { return denied_; }

 private:
  std::vector<KernelRow> rows_;
  std::vector<RejectedRow> rejected_;
  std::vector<KernelRow> denied_;
  std::vector<std::string> unknown_;
};

}  // namespace bp
