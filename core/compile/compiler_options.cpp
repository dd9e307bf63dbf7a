#include "compile/compiler_options.h"

#include "base/check.h"

namespace bp {

void disable_passes(CompilerOptions& options, std::span<const std::string> names) {
  for (const std::string& name : names) {
    if (name == "fold_constants") {
      options.fold_constants = false;
    } else if (name == "merge_common_subexpressions") {
      options.merge_common_subexpressions = false;
    } else if (name == "remove_dead_code") {
      options.remove_dead_code = false;
    } else if (name == "fuse_kernels") {
      options.fuse_kernels = false;
    } else if (name == "choose_layouts") {
      options.choose_layouts = false;
    } else {
      BP_CHECK(name == "join_products", "no pass {}", name);
      options.join_products = JoinProducts::kNever;
    }
  }
}

}  // namespace bp
