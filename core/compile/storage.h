// Which values share storage, and for how long each storage is alive. Private to core/compile.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "compile/partition.h"
#include "graph/graph.h"
#include "memory/arena.h"

namespace bp {

class Storage {
 public:
  // Views and updates share their operand's storage; an output that a row declares as an alias takes an activation's
  // storage when that is read for the last time there, through no operand but those declared, and has the same bytes.
  // What a fused kernel keeps to itself has none. `external`: by value; those live outside the arena and their storage
  // is never taken over.
  Storage(const Graph& graph, std::span<const Group> groups, const std::vector<bool>& external);

  // The value whose storage `id` lives in.
  ValueId root(ValueId id) const;
  // Where in the storage of its root a value begins.
  uint64_t offset_bytes(ValueId id) const;
  // Bytes of the value at the largest sizes of the bucket. Errors: kUnsupported on overflow.
  static Result<uint64_t> size_bytes(const Graph& graph, const Value& value);
  // The groups between which the storage of root value `id` is alive; nullopt where nothing uses it.
  std::optional<std::pair<int, int>> lifetime(ValueId id) const;

 private:
  void share_declared(const Graph& graph, std::span<const Group> groups, const std::vector<bool>& external);
  void use(ValueId id, int at);
  bool may_take(const Graph& graph, const Group& group, int at, std::pair<int, int> alias,
                const std::vector<bool>& external) const;

  std::vector<ValueId> parent_;
  std::vector<uint64_t> offset_;  // in the parent's storage
  std::vector<int> first_;
  std::vector<int> last_;
};

}  // namespace bp
