#include "families.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "compile/program.h"
#include "engine/sample_graph.h"
#include "model/model.h"

namespace bp::conformance {
namespace {

struct Source {
  std::string_view name, config, tensors;
};
// Of tests/goldens/data, as CMake embeds them.
constexpr Source kSources[] = {
#include "families.inc"
};

// A folder that is removed with the object.
class Folder {
 public:
  Folder() {
    std::error_code error;
    path_ = (std::filesystem::temp_directory_path(error) / "backplane-conform-XXXXXX").string();
    if (::mkdtemp(path_.data()) == nullptr) path_.clear();
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code error;
    if (!path_.empty()) std::filesystem::remove_all(path_, error);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// A file of tensors that are all zero, most of it a hole.
Status write_model(const std::string& folder, const Family& family) {
  std::ofstream(folder + "/config.json") << family.config;
  BP_TRY(const json::value header, parse_json(family.tensors, "tensors of " + family.name));
  uint64_t end = 0;
  for (const auto& [name, tensor] : header.as_object()) {
    if (name == "__metadata__") continue;
    end = std::max(end, tensor.as_object().at("data_offsets").as_array().at(1).to_number<uint64_t>());
  }
  const uint64_t n = family.tensors.size();
  std::array<char, 8> length{};
  for (size_t i = 0; i < length.size(); ++i) length[i] = static_cast<char>(n >> (8 * i) & 0xff);
  const std::string path = folder + "/model.safetensors";
  std::ofstream(path, std::ios::binary) << std::string(length.begin(), length.end()) << family.tensors;
  std::error_code error;
  std::filesystem::resize_file(path, length.size() + n + end, error);
  if (error) return fail(ErrorCode::kFailed, path, "cannot be written (" + error.message() + ")", "see $TMPDIR");
  return {};
}

// Matrices as blocks of q8_0, where their rows are whole ones.
void quantise(Graph& graph, std::vector<std::unique_ptr<Bytes>>& kept) {
  for (const Node& node : graph.nodes) {
    if (!node.op->name.starts_with("matmul") || node.in.size() < 2) continue;
    Value& value = graph.value(node.in[1]);
    if (value.role != Role::kWeight || value.dtype == DType::kQ8_0) continue;
    HostTensor& tensor = graph.host_tensors[static_cast<size_t>(value.host_tensor)];
    if (tensor.dims.back() % 32 != 0 || !tensor.parts.empty()) continue;
    const bool shared = std::ranges::any_of(graph.nodes, [&](const Node& other) {
      return !other.op->name.starts_with("matmul") && std::ranges::find(other.in, node.in[1]) != other.in.end();
    });
    if (shared) continue;
    uint64_t rows = 1;
    for (size_t i = 0; i + 1 < tensor.dims.size(); ++i) rows *= static_cast<uint64_t>(tensor.dims[i]);
    const auto row = row_bytes(DType::kQ8_0, static_cast<uint64_t>(tensor.dims.back()));
    kept.push_back(std::make_unique<Bytes>(rows * row.value_or(0)));
    tensor.bytes = *kept.back();
    tensor.owner = nullptr;
    tensor.dtype = value.dtype = DType::kQ8_0;
  }
}

class Coverage {
 public:
  Coverage(Device& device, FamilyResult& result) : device_(device), result_(result) {}

  Status add(const Graph& graph) {
    BP_TRY(Queue queue, device_.create_queue());
    const KernelTable kernels = KernelTable::create(device_.kernels(), {});
    const SlabSource nothing(&device_, true);
    WeightStore weights(nothing, &queue);
    Arena arena(nothing);
    Bindings bindings;
    std::vector<std::unique_ptr<Buffer>> buffers;
    const auto bind = [&](ValueId id) {
      const Value& value = graph.value(id);
      uint64_t rows = 1;
      for (size_t i = 0; i + 1 < value.dims.size(); ++i) rows *= static_cast<uint64_t>(graph.max_size(value.dims[i]));
      const int64_t last = value.dims.empty() ? 1 : graph.max_size(value.dims.back());
      const uint64_t bytes = rows * row_bytes(value.dtype, static_cast<uint64_t>(last)).value_or(0);
      buffers.push_back(std::make_unique<Buffer>(Buffer::planned(std::max<uint64_t>(bytes, 64))));
      bindings[value.name] = {buffers.back().get(), 0, buffers.back()->size_bytes()};
    };
    for (const ValueId id : graph.inputs) bind(id);
    for (const ValueId id : graph.outputs) {
      if (!bindings.contains(graph.value(id).name)) bind(id);
    }
    CompileInputs inputs;
    inputs.device = &device_;
    inputs.queue = &queue;
    inputs.kernels = &kernels;
    inputs.weights = &weights;
    inputs.arena = &arena;
    inputs.bindings = &bindings;
    inputs.rehearse = true;
    BP_TRY(const auto program, Program::compile(graph, inputs));
    for (const StepInfo& step : program->steps()) {
      if (step.kernel != "view") add(step);
    }
    return {};
  }

 private:
  void add(const StepInfo& step) {
    const bool falls_back = step.kernel == "reference";
    const std::string kernel = falls_back ? "" : step.kernel;
    for (FamilyOp& known : result_.ops) {
      if (known.op != step.op || known.kernel != kernel || known.dtype != step.dtype) continue;
      ++known.count;
      return;
    }
    result_.ops.push_back({step.op, step.dtype, kernel, falls_back ? step.why : "", 1});
  }

  Device& device_;
  FamilyResult& result_;
};

Status cover_model(const Family& family, Subject& subject, FamilyResult& result) {
  const Folder folder;
  if (folder.path().empty()) return fail(ErrorCode::kFailed, "families", "no temporary folder", "see $TMPDIR");
  BP_TRY_VOID(write_model(folder.path(), family));
  BP_TRY(const Model model, Model::open(folder.path()));
  BP_TRY(Graph graph, model.build_graph({.kv_dtype = DType::kF16}));
  std::vector<std::unique_ptr<Bytes>> kept;
  if (family.weights == "q8_0") quantise(graph, kept);
  Coverage coverage(subject.device(), result);
  BP_TRY_VOID(coverage.add(graph));
  if (model.config().pooling != Pooling::kOff) return {};
  BP_TRY(const Graph sampling, sample_graph(8, model.config().vocab));
  return coverage.add(sampling);
}

}  // namespace

std::span<const Family> families() {
  static const std::vector<Family> all = [] {
    std::vector<Family> made;
    for (const Source& source : kSources) {
      for (const char* weights : {"f32", "q8_0"}) {
        made.push_back({std::string(source.name), weights, source.config, source.tensors});
      }
    }
    return made;
  }();
  return all;
}

FamilyResult cover(const Family& family, Subject& subject) {
  FamilyResult result{family.name, family.weights, "", {}};
  if (const Status done = cover_model(family, subject, result); !done.has_value()) result.why = done.error().message();
  return result;
}

}  // namespace bp::conformance
