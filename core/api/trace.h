// A function being traced: its tensors are values of a graph that grows with each op. Not thread-safe.
#pragma once

#include <backplane/api/program.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/tensor_state.h"
#include "graph/builder.h"

namespace bp::api {

// What a traced function returned, in its order.
struct TracedResult {
  enum class Kind : uint8_t { kOutput, kInput, kConstant };
  Kind kind = Kind::kOutput;
  size_t index = 0;  // of the graph's output or input
  Tensor constant;
};

struct TracedGraph {
  Graph graph;
  std::vector<TracedResult> results;
  std::shared_ptr<SessionState> session;  // null: none was given, and no tensor was captured
};

class Trace : public std::enable_shared_from_this<Trace> {
 public:
  Trace(const std::string& name, std::shared_ptr<SessionState> session)
      : builder_(name), session_(std::move(session)) {}

  // The function's inputs. Sizes without a maximum get `max_size`. Errors: kUsage for a spec that is no tensor.
  Result<std::vector<Tensor>> add_inputs(const std::vector<TensorSpec>& specs, int64_t max_size);
  // A node; operands that have content become constants. Errors: those of the op; the trace is of no use afterwards.
  Result<std::vector<Tensor>> add(std::string_view op, const std::vector<Tensor>& operands,
                                  const std::vector<Attr>& attrs);
  // Ends the trace: its tensors are of no use afterwards. Errors: kUsage for a result of another trace.
  Result<TracedGraph> finish(const std::vector<Tensor>& results);

  // The function that this thread traces now, null: none. What else is called while it lives is traced, too, where only
  // a size says so.
  class Current {
   public:
    explicit Current(Trace& trace) : before_(current()) { current() = &trace; }
    ~Current() { current() = before_; }
    Current(const Current&) = delete;
    Current& operator=(const Current&) = delete;

   private:
    Trace* before_;
  };
  static Trace*& current();

  // An error of the function itself ends the trace as well.
  void abandon() { finished_ = true; }

 private:
  // A dim's extent; a dynamic one that is not known yet is declared, up to `max_size` (0: only what follows from known
  // ones is).
  Result<Extent> extent_of(const Dim& dim, int64_t max_size, const std::string& where);
  Result<SymbolId> base_of(const Dim& dim, int64_t max_size, const std::string& where);
  // Declares the sizes of results that follow from the operands' but have no symbol yet.
  Status declare_sizes(std::string_view op, const std::vector<Tensor>& operands, const std::vector<Attr>& attrs);
  Result<ValueId> value_of(const Tensor& tensor);
  Result<ValueId> constant(const Tensor& tensor);
  Result<std::vector<bp::Attr>> attrs_of(std::string_view op, const std::vector<Attr>& attrs);
  Tensor tensor_of(ValueId id);
  Result<ValueId> outlasting(ValueId id);
  std::unexpected<bp::Error> builder_error();

  GraphBuilder builder_;
  std::shared_ptr<SessionState> session_;
  std::map<const TensorState*, ValueId> constants_;
  std::vector<Tensor> held_;  // of constants: their addresses stay theirs
  std::vector<std::string> scopes_;
  int n_anonymous_ = 0;
  bool finished_ = false;
};

// kUsage for a number below -1.
Status check_dim(const Dim& dim, const std::string& where);
// Attributes as the core has them; a Shape's dims through `extent`. Errors: kUsage.
using ExtentCode = std::function<Result<int64_t>(const Dim&)>;
Result<std::vector<bp::Attr>> core_attrs(std::string_view op, const std::vector<Attr>& attrs, const ExtentCode& extent);

}  // namespace bp::api
