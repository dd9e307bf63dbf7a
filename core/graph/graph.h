// The graph: values joined by primitive ops, in the order in which they run. Plain data; built by GraphBuilder, checked
// by verify(), changed by passes. Not thread-safe while it is changed; const access from any thread. Invariants (what
// verify() checks): nodes are in topological order; a value has at most one producer; every operand is defined before
// its use; shapes and dtypes are what the op's definition infers; a value that `updates` another names a value of the
// same shape and dtype, and nobody reads the old one afterwards.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/dtype.h"
#include "base/result.h"

namespace bp {

struct OpDef;

using ValueId = int32_t;
using NodeId = int32_t;
using SymbolId = int32_t;
inline constexpr int32_t kNone = -1;

// One dimension: a number, or a symbol whose true size is known only at run time.
struct Extent {
  int64_t value = 0;        // the size; for a symbol, unused
  SymbolId symbol = kNone;  // kNone: static

  static Extent fixed(int64_t size) { return {size, kNone}; }
  static Extent dynamic(SymbolId id) { return {0, id}; }
  bool is_static() const { return symbol == kNone; }
  bool operator==(const Extent&) const = default;
};

// A dynamic size and the bucket it lies in. Equal symbol, equal size.
struct Symbol {
  std::string name;  // "n_tokens"
  int64_t min = 0;   // the bucket: min <= size <= max, size % multiple_of == 0
  int64_t max = 0;
  int64_t multiple_of = 1;
  SymbolId base = kNone;  // derived: size = mul * size(base) + add
  int64_t mul = 1;
  int64_t add = 0;
  ValueId len_value = kNone;  // an i32 scalar on the device that holds the true size
  bool device_only = false;   // the host knows only the bound
};

enum class Role : uint8_t {
  kActivation,  // made and used within a step
  kWeight,      // constant; its bytes are on the host (HostTensor)
  kKv,          // lives across steps, changed in place by ops that update it
  kParam,       // written by the host before each step: token ids, lengths, page tables
};

// Constant bytes on the host, in row-major order as the file has them. What they lie in (a mapped file, the model)
// outlives the graph, unless the tensor owns them itself.
struct HostTensor {
  std::string name;
  DType dtype = DType::kInvalid;
  std::vector<int64_t> dims;
  std::span<const std::byte> bytes;
  std::shared_ptr<const void> owner{};  // of bytes that were computed; shared by copies of the graph
  std::vector<HostTensor> parts{};      // instead of bytes: the rows of these, one tensor after another
};

struct Value {
  std::string name;
  DType dtype = DType::kInvalid;
  std::vector<Extent> dims;
  Role role = Role::kActivation;
  NodeId producer = kNone;      // kNone: an input or a weight
  ValueId updates = kNone;      // shares that value's storage and replaces its content
  int32_t host_tensor = kNone;  // role kWeight: index into Graph::host_tensors
};

using AttrValue = std::variant<int64_t, double, std::string, std::vector<int64_t>, std::vector<double>>;
struct Attr {
  std::string key;
  AttrValue value;
};

struct Node {
  const OpDef* op = nullptr;
  std::vector<ValueId> in;  // kNone: an optional operand that is absent; trailing absent operands may be left out
  std::vector<ValueId> out;
  std::vector<Attr> attrs;  // every attribute of the op, defaults filled in, in the order of its definition
  std::string scope;        // "blk.0.attn": for people

  const AttrValue* attr(std::string_view key) const;
  int64_t attr_int(std::string_view key) const;   // REQUIRES: exists and is an int
  double attr_float(std::string_view key) const;  // REQUIRES: exists and is a float
};

struct Graph {
  std::string name;
  std::vector<Symbol> symbols;
  std::vector<Value> values;
  std::vector<Node> nodes;
  std::vector<ValueId> inputs;  // roles kParam, kKv and activations given from outside
  std::vector<ValueId> outputs;
  std::vector<HostTensor> host_tensors;

  const Value& value(ValueId id) const { return values[static_cast<size_t>(id)]; }
  Value& value(ValueId id) { return values[static_cast<size_t>(id)]; }
  const Node& node(NodeId id) const { return nodes[static_cast<size_t>(id)]; }
  ValueId find(std::string_view value_name) const;  // kNone: no such value

  // The largest size of an extent in its bucket, and the smallest.
  int64_t max_size(const Extent& extent) const;
  int64_t min_size(const Extent& extent) const;
};

// Who reads each value: nodes by value id, a node once for each operand.
std::vector<std::vector<NodeId>> uses(const Graph& graph);

// The value whose storage `id` lives in: views and updates share their operand's.
ValueId storage_root(const Graph& graph, ValueId id);

// Checks every invariant above; the error names the node, the operand and the shapes.
Status verify(const Graph& graph);

}  // namespace bp
