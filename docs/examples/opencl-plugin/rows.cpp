#include <vector>

#include "work.h"

namespace bp::opencl {

// The rows are the same for every device, and live as long as the plugin.
bp_status kernels(bp_device*, const bp_kernel* const** out, uint32_t* n, bp_err* err) noexcept {
  return plugin::guard(err, [&] {
    static const std::vector<bp_kernel> rows = [] {
      std::vector<bp_kernel> made;
      for (const std::span<const RowText> texts : {elementwise_rows(), reduce_rows(), shape_rows(), index_rows(),
                                                   matmul_rows(), rope_rows(), attention_rows(), sample_rows()}) {
        for (const RowText& text : texts) made.push_back(make_row(text));
      }
      return made;
    }();
    static const std::vector<const bp_kernel*> table = [] {
      std::vector<const bp_kernel*> pointers;
      for (const bp_kernel& kernel : rows) pointers.push_back(&kernel);
      return pointers;
    }();
    *out = table.data();
    *n = static_cast<uint32_t>(table.size());
  });
}

}  // namespace bp::opencl
