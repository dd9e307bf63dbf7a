// Kernel rows that are text alone, for tests of what chooses among them.
#pragma once

#include <backplane/plugin.h>

#include <span>
#include <string>
#include <vector>

#include "compile/partition.h"

namespace bp {

struct FakeRow {
  const char* id;
  const char* pattern;
  const char* where = "";
  const char* layouts = "";
  const char* alias = "";
  int32_t priority = 0;
  uint32_t flags = 0;
};

inline bp_kernel row(const FakeRow& fake) {
  bp_kernel kernel{};
  kernel.struct_size = sizeof(bp_kernel);
  kernel.id = fake.id;
  kernel.pattern = fake.pattern;
  kernel.where = fake.where;
  kernel.layouts = fake.layouts;
  kernel.alias = fake.alias;
  kernel.priority = fake.priority;
  kernel.flags = fake.flags;
  return kernel;
}

// The rows outlive the table.
inline KernelTable table_of(std::span<const bp_kernel> rows, const KernelSelection& selection = {}) {
  std::vector<const bp_kernel*> pointers;
  for (const bp_kernel& kernel : rows) pointers.push_back(&kernel);
  return KernelTable::create(pointers, selection);
}

inline std::vector<std::string> kernels_of(std::span<const Group> groups) {
  std::vector<std::string> ids;
  for (const Group& group : groups)
    ids.push_back(group.row != nullptr ? group.row->id : group.view ? "view" : "reference");
  return ids;
}

// "guard: dtype(w)=…" of the kernel among what a group refused; "" where it is not there.
inline std::string refusal_of(const Group& group, const std::string& kernel) {
  for (const RefusedKernel& refused : group.refused) {
    if (refused.kernel == kernel) return std::string(refusal_name(refused.reason)) + ": " + refused.text;
  }
  return "";
}

}  // namespace bp
