#include "kernel_table.h"

#include <array>

#include "ops/rows.h"

namespace bp::cuda {
namespace {

constexpr size_t kMost = 128;

struct Table {
  std::array<const bp_kernel*, kMost> rows{};
  size_t n = 0;

  void add(std::span<const bp_kernel> family) {
    for (const bp_kernel& kernel : family) {
      if (n < kMost) rows[n++] = &kernel;
    }
  }
};

Table make_table() {
  Table table;
  for (const auto family : {attention_rows(), along_rows(), elementwise_rows(), expert_rows(), index_rows(),
                            matmul_rows(), sample_rows(), shape_rows()}) {
    table.add(family);
  }
  return table;
}

}  // namespace

std::span<const bp_kernel* const> kernel_table() {
  static const Table table = make_table();
  return {table.rows.data(), table.n};
}

}  // namespace bp::cuda
