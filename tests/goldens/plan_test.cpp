// What an engine would take is what it takes, and its arenas come near the least that is possible: every golden model,
// on the reference and on every usable device of the plugins that were built.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string_view>

#include "golden_case.h"
#include "golden_run.h"

namespace bp {
namespace {

namespace fs = std::filesystem;

struct Taken {
  MemoryUsage memory;
  std::vector<std::pair<int, ProgramMemory>> programs;
};

template <class Runner>
Result<Taken> taken_by(Runner& runner) {
  BP_TRY_VOID(runner.compile_all());
  return Taken{runner.memory(), runner.program_memory()};
}

Result<Taken> set_up(const Model& model, Device* device, const EngineOptions& options) {
  if (model.config().pooling != Pooling::kOff) {
    BP_TRY(const auto embedder, Embedder::create(model, device, options));
    return taken_by(*embedder);
  }
  BP_TRY(const auto engine, Engine::create(model, device, options));
  return taken_by(engine->executor());
}

// Settings that change what an engine takes, or how it is divided.
struct PlanSetting {
  const char* name;
  void (*apply)(EngineOptions&);
};

constexpr PlanSetting kSettings[] = {
    {"as they are", [](EngineOptions&) {}},
    {"one sequence, one token", [](EngineOptions& o) { o.max_seqs = o.max_batch_tokens = 1; }},
    {"64 sequences, chosen buckets",
     [](EngineOptions& o) {
       o.max_seqs = 64;
       o.max_batch_tokens = 512;
       o.buckets.clear();
       o.kv_max_bytes = 4 << 20;
     }},
    {"odd buckets", [](EngineOptions& o) { o.buckets = {1, 3, 7, 31, 63}; }},
    {"f32 cache, pages of one token",
     [](EngineOptions& o) {
       o.kv_dtype = DType::kF32;
       o.page_size = 1;
     }},
    {"bf16 cache, pages of 256 tokens",
     [](EngineOptions& o) {
       o.kv_dtype = DType::kBF16;
       o.page_size = 256;
       o.kv_max_bytes = 4 << 20;
     }},
    {"f16 cache, a context of one page",
     [](EngineOptions& o) {
       o.kv_dtype = DType::kF16;
       o.max_context = 3;
     }},
    {"a cache of few pages", [](EngineOptions& o) { o.kv_max_bytes = 40000; }},
    {"bf16 activations", [](EngineOptions& o) { o.act_dtype = DType::kBF16; }},
    {"f16 activations", [](EngineOptions& o) { o.act_dtype = DType::kF16; }},
    {"every row an output",
     [](EngineOptions& o) {
       o.max_outputs = o.max_batch_tokens;
       o.max_chunk = 5;
     }},
    {"not deterministic", [](EngineOptions& o) { o.deterministic = false; }},
    {"no overlap", [](EngineOptions& o) { o.overlap = false; }},
    {"no capture", [](EngineOptions& o) { o.capture = CaptureMode::kOff; }},
    {"captured everywhere", [](EngineOptions& o) { o.capture = CaptureMode::kOn; }},
    {"strict", [](EngineOptions& o) { o.strict = true; }},
    {"inputs of products watched", [](EngineOptions& o) { o.importance = true; }},
    {"joined products", [](EngineOptions& o) { o.compiler.join_products = JoinProducts::kAlways; }},
    {"products apart", [](EngineOptions& o) { o.compiler.join_products = JoinProducts::kNever; }},
    {"no fusion", [](EngineOptions& o) { o.compiler.fuse_kernels = false; }},
    {"no layouts", [](EngineOptions& o) { o.compiler.choose_layouts = false; }},
    {"no passes",
     [](EngineOptions& o) {
       o.compiler = {.fold_constants = false,
                     .merge_common_subexpressions = false,
                     .remove_dead_code = false,
                     .fuse_kernels = false,
                     .choose_layouts = false,
                     .join_products = JoinProducts::kNever};
     }},
    {"no matmul of the device", [](EngineOptions& o) { o.kernels.deny = {"cpu.matmul", "cpu.matmul_many"}; }},
};

// All of them takes minutes: BP_PLAN_SETTINGS=all. Else the first, and two others of each model, so that the models
// together have them all.
std::vector<PlanSetting> settings_of(const std::string& model) {
  constexpr size_t n = std::size(kSettings);
  const char* wanted = std::getenv("BP_PLAN_SETTINGS");
  if (wanted != nullptr && std::string_view(wanted) == "all") return {std::begin(kSettings), std::end(kSettings)};
  const auto names = golden_names(golden_data());
  const auto place = static_cast<size_t>(std::ranges::find(names, model) - names.begin());
  return {kSettings[0], kSettings[1 + 2 * place % (n - 1)], kSettings[1 + (2 * place + 1) % (n - 1)]};
}

EngineOptions few_tokens(const PlanSetting& setting) {
  EngineOptions options{.max_seqs = 4, .max_batch_tokens = 64, .kv_max_bytes = 1 << 20, .buckets = {1}};
  options.op_fallback = FallbackPolicy::kAllow;
  setting.apply(options);
  return options;
}

class GoldenPlan : public testing::TestWithParam<std::string> {
 protected:
  // The model's folder and its files.
  static std::vector<Model> models() {
    const fs::path folder = golden_data() / GetParam();
    std::vector<fs::path> paths;
    if (fs::exists(folder / "config.json")) paths.push_back(folder);
    for (const auto& entry : fs::directory_iterator(folder)) {
      if (entry.path().extension() == ".gguf") paths.push_back(entry.path());
    }
    std::vector<Model> models;
    for (const fs::path& path : paths) {
      auto model = Model::open(path.string());
      EXPECT_TRUE(model) << model.error().message();
      if (model) models.push_back(std::move(*model));
    }
    return models;
  }
};

TEST_P(GoldenPlan, ARehearsalTakesWhatTheEngineTakes) {
  const auto devices = golden_devices();
  const auto given = models();
  for (const Model& model : given) {
    for (const auto& device : devices) {
      for (const PlanSetting& setting : settings_of(GetParam())) {
        SCOPED_TRACE(fmt::format("{} on {}: {}", model.path(), device_name(device.get()), setting.name));
        EngineOptions options = few_tokens(setting);
        const auto real = set_up(model, device.get(), options);
        options.rehearse = true;
        const auto rehearsed = set_up(model, device.get(), options);
        ASSERT_EQ(real.has_value(), rehearsed.has_value())
            << (real ? rehearsed.error().message() : real.error().message());
        if (!real) {  // what a device cannot have is said before anything is loaded
          EXPECT_EQ(rehearsed.error().message(), real.error().message());
          continue;
        }
        EXPECT_EQ(rehearsed->memory.weights, real->memory.weights);
        EXPECT_EQ(rehearsed->memory.in_place, real->memory.in_place);
        EXPECT_EQ(rehearsed->memory.loading, real->memory.loading);
        EXPECT_EQ(rehearsed->memory.activations, real->memory.activations);
        EXPECT_EQ(rehearsed->memory.workspace, real->memory.workspace);
        EXPECT_EQ(rehearsed->memory.kv, real->memory.kv);
        EXPECT_EQ(rehearsed->memory.staging, real->memory.staging);
        EXPECT_GT(real->memory.weights + real->memory.in_place, 0u);
        EXPECT_GT(real->memory.activations, 0u);
        // What a library keeps on a device that does not tell its free memory, nobody knows.
        if (device == nullptr || device->uses_host_memory()) {
          EXPECT_GT(real->memory.driver, 0u);
        }
        ASSERT_EQ(rehearsed->programs.size(), real->programs.size());
        for (size_t i = 0; i < real->programs.size(); ++i) {
          EXPECT_EQ(rehearsed->programs[i].first, real->programs[i].first);
          EXPECT_EQ(rehearsed->programs[i].second.naive_bytes, real->programs[i].second.naive_bytes);
          EXPECT_EQ(rehearsed->programs[i].second.arena_bytes, real->programs[i].second.arena_bytes);
        }
      }
    }
  }
}

// Steps of one token and of 512, and with each a device's scratch; and what other settings make of them.
TEST_P(GoldenPlan, ArenasComeWithinATwentiethOfTheLowerBound) {
  const auto given = models();
  ASSERT_FALSE(given.empty());
  for (const auto& device : golden_devices()) {
    for (const PlanSetting& setting : settings_of(GetParam())) {
      EngineOptions options = few_tokens(setting);
      // Its guards of some bytes each are most of what a tiny model's step takes on the reference.
      if (options.strict) continue;
      if (setting.name == kSettings[0].name) {
        options.max_seqs = 8;
        options.max_batch_tokens = 512;
      }
      options.rehearse = true;
      const auto taken = set_up(given.front(), device.get(), options);
      if (!taken) continue;
      EXPECT_FALSE(taken->programs.empty());
      for (const auto& [n_tokens, memory] : taken->programs) {
        const auto bound = static_cast<double>(memory.arena_lower_bound_bytes);
        EXPECT_GT(memory.arena_lower_bound_bytes, 0u);
        EXPECT_LE(static_cast<double>(memory.arena_bytes), 1.05 * bound)
            << n_tokens << " tokens, " << setting.name << ", " << device_name(device.get());
        if (setting.name != kSettings[0].name) continue;
        fmt::print("{:<28} {:<10} {:>4} tokens: side by side {:>10}, arena {:>8}, lower bound {:>8}\n", GetParam(),
                   device_name(device.get()), n_tokens, memory.naive_bytes, memory.arena_bytes,
                   memory.arena_lower_bound_bytes);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Models, GoldenPlan, testing::ValuesIn(golden_names(golden_data())),
                         [](const auto& param) { return param.param; });

}  // namespace
}  // namespace bp
