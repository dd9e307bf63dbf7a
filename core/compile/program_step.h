// What a Program does at one place of its list. Private to core/compile.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "compile/program.h"
#include "plugin_host/device.h"
#include "plugin_host/device_graph.h"

namespace bp {

struct Program::Step {
  enum class Kind : uint8_t { kView, kLaunch, kReference };
  struct Operand {
    ValueId value = kNone;  // kNone: absent
    BufferSpan memory;
  };

  // Bytes before and behind memory that the step may write, which it must leave alone: in strict programs.
  struct Fence {
    BufferSpan before, behind;
    std::string of;  // "workspace 0", "its result"
  };

  Kind kind = Kind::kView;
  std::string name;  // "blk.0.attn matmul"
  std::vector<NodeId> nodes;
  uint64_t live_bytes = 0;  // of the arena while it runs
  // kLaunch. A bound goes before the plan that made it.
  const bp_kernel* kernel = nullptr;
  Match match;
  std::vector<std::string> layouts;  // by slot
  std::string config;                // StepInfo::config
  std::optional<Plan> plan;
  std::optional<Bound> bound;
  std::vector<SymbolId> symbols;
  std::vector<int64_t> dyn;
  std::vector<bp_span> args, workspaces;  // what it is bound to
  bool capture_safe = false;              // as its kernel says
  std::vector<Fence> fences;
  // kReference
  const Node* node = nullptr;
  std::vector<Operand> operands;  // inputs, then results
  size_t n_in = 0;
};

struct Program::Segment {
  uint32_t begin = 0, end = 0;  // in list_
  bool can_capture = false;
  std::optional<DeviceGraph> graph;
};

}  // namespace bp
