// What a Session is a handle on: a device with its queue, programs of single ops, and the debugging aids.
// Not thread-safe.
#pragma once

#include <backplane/api/session.h>

#include <list>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "api/bound_graph.h"
#include "api/call_memory.h"
#include "api/shared_device.h"
#include "api/tensor_state.h"
#include "engine/device_programs.h"

namespace bp::api {

// An op as it is called. An operand without buffer and weight is absent.
struct EagerCall {
  const OpDef* op = nullptr;
  std::vector<Content> operands;
  std::vector<bp::Attr> attrs;
  std::string scope;

  std::string where(const std::string& device) const;  // "cpu:0: blk.0.attn matmul"
};

class SessionState : public std::enable_shared_from_this<SessionState> {
 public:
  static Result<std::shared_ptr<SessionState>> create(const DeviceOptions& device, const DebugOptions& debug);

  // Runs one op, and what the debugging options ask for. Errors name the op, its scope and the shapes.
  Result<std::vector<Content>> run(const EagerCall& call);

  // Compiles for this session; warns of, or refuses, ops that fall back, each once.
  Result<std::unique_ptr<BoundGraph>> compile(CallMemory& memory, Graph graph, bool optimize);

  Result<Content> make(std::span<const std::byte> bytes, std::vector<int64_t> dims, bp::DType dtype);
  static Content make_weight(std::span<const std::byte> bytes, std::vector<int64_t> dims, bp::DType dtype,
                             const std::string& name);
  Status read(const Content& content, std::span<std::byte> out);
  Result<std::vector<std::byte>> read(const Content& content);
  // The content on this session's device. Errors: those of reading and allocating.
  Result<Content> take(const Content& content, SessionState& owner);

  const std::string& device() const { return device_.id(); }
  Device* device_handle() const { return device_.get(); }  // null: the reference
  BufferPool& pool() { return pool_; }
  const std::string& last_kernel() const { return last_kernel_; }
  uint64_t next_step() { return ++step_; }

 private:
  struct Kept {
    std::string key;
    std::unique_ptr<BoundGraph> bound;
  };

  SessionState(SharedDevice device, const DeviceOptions& options, const DebugOptions& debug)
      : device_(std::move(device)), options_(options), debug_(debug), pool_(device_.get()) {}
  Result<std::vector<Content>> launch(const EagerCall& call);
  Result<BoundGraph*> program_of(const EagerCall& call);
  Status check(const EagerCall& call, std::span<const Content> results);

  SharedDevice device_;
  DeviceOptions options_;
  DebugOptions debug_;
  BufferPool pool_;  // of tensors, and of what calls go through
  std::unique_ptr<DevicePrograms> programs_;
  CallMemory memory_{pool_};
  std::list<Kept> kept_;  // programs of single ops, the one used last first
  std::unordered_map<std::string, std::list<Kept>::iterator> by_key_;
  std::set<std::string> warned_;         // ops that fell back
  std::shared_ptr<SessionState> other_;  // compare_with
  std::string last_kernel_;
  uint64_t step_ = 0;
};

}  // namespace bp::api
