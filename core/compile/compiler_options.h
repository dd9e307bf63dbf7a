// What the compiler may do to a graph: plain data, filled by whoever compiles.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace bp {

// Whether products that share an input are joined into one.
enum class JoinProducts : uint8_t {
  kAuto,    // where the kernels are thought to take less time then
  kAlways,  // where the device can
  kNever,
};

struct CompilerOptions {
  bool fold_constants = true;
  bool merge_common_subexpressions = true;
  bool remove_dead_code = true;
  bool fuse_kernels = true;    // false: kernels of several ops only for what has no kernel of its own
  bool choose_layouts = true;  // false: each kernel has its weights as it likes them best
  JoinProducts join_products = JoinProducts::kAuto;
  // Results must not depend on the bucket: what is known of one bucket's sizes alone decides nothing.
  bool deterministic = true;
};

// Turns passes off by the names above; join_products is one of them. REQUIRES: the names are known.
void disable_passes(CompilerOptions& options, std::span<const std::string> names);

}  // namespace bp
