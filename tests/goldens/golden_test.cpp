// Every golden model against the outputs of the reference implementation (see tests/goldens/README.md): whole, in
// chunks, token by token and batched, on the reference and on every usable device of the plugins that were built.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <map>
#include <string_view>

#include "base/json.h"
#include "base/mapped_file.h"
#include "engine/engine.h"
#include "graph/opset.h"
#include "model/model.h"
#include "model/safetensors.h"
#include "plugin_host/registry.h"

namespace bp {
namespace {

namespace fs = std::filesystem;
const fs::path kData = fs::path(BP_SOURCE_DIR) / "tests/goldens/data";

// Folders of data/ whose architecture is not there yet. A folder that opens is checked all the same.
constexpr std::string_view kPending[] = {
    "deepseek_v2", "deepseek_v3", "falcon_mqa", "falcon_new", "gemma2", "gemma3",    "gpt2",
    "gpt_oss",     "granite",     "mixtral",    "olmo2",      "phi3",   "qwen3_moe",
};

struct Expected {
  std::vector<int32_t> ids;
  std::vector<float> logits;
  std::vector<int32_t> greedy;
  double spread = 0;  // standard deviation of the logits
  double margin = 0;  // smallest gap between the best two over the greedy steps
};

std::vector<int32_t> int64s(const WeightView& view) {
  std::vector<int32_t> out(view.bytes.size() / 8);
  for (size_t i = 0; i < out.size(); ++i) {
    int64_t value = 0;
    std::memcpy(&value, view.bytes.data() + 8 * i, 8);
    out[i] = static_cast<int32_t>(value);
  }
  return out;
}

Expected expected_of(const fs::path& folder) {
  Expected expected;
  const auto file = MappedFile::open((folder / "expected.safetensors").string());
  EXPECT_TRUE(file.has_value()) << file.error().message();
  const auto views = read_safetensors(file->bytes(), file->path());
  EXPECT_TRUE(views.has_value()) << views.error().message();
  for (const WeightView& view : *views) {
    if (view.name == "input_ids") expected.ids = int64s(view);
    if (view.name == "greedy") expected.greedy = int64s(view);
    if (view.name != "logits") continue;
    expected.logits.resize(view.bytes.size() / 4);
    std::memcpy(expected.logits.data(), view.bytes.data(), view.bytes.size());
  }
  const auto text = read_text_file((folder / "case.json").string(), 1 << 20);
  EXPECT_TRUE(text.has_value());
  const auto info = parse_json(*text, "case.json");
  EXPECT_TRUE(info.has_value());
  expected.spread = info->at("logits_std").as_double();
  expected.margin = info->at("greedy_margin_min").as_double();
  return expected;
}

PluginRegistry& plugins() {
  static const std::unique_ptr<PluginRegistry> registry = [] {
    HostCallbacks callbacks;
    for (const OpDef& op : opset()) callbacks.ops.push_back(op.full_name());
    return PluginRegistry::discover(
        {.dirs = {BP_BUILD_DIR "/lib/backplane/plugins"}, .use_environment = false, .use_default_dirs = false},
        std::move(callbacks));
  }();
  return *registry;
}

struct Way {
  const char* name;
  int chunk;
  int max_batch_tokens;
  int max_seqs;
};
constexpr Way kWays[] = {
    {"whole", 0, 64, 1}, {"chunks of 7", 7, 64, 1}, {"token by token", 1, 64, 1}, {"batched", 0, 64, 4}};

double tolerance(const fs::path& model) {
  const std::string path = model.string();
  return path.find("q8_0") != std::string::npos ? 0.15 : path.find("f16") != std::string::npos ? 3e-2 : 1e-3;
}

void check(const Model& model, const Expected& expected, Device* device, const Way& way, double bound) {
  auto engine = Engine::create(model, device,
                               {.max_seqs = way.max_seqs,
                                .max_batch_tokens = way.max_batch_tokens,
                                .max_outputs = 64,
                                .max_chunk = way.chunk,
                                .kv_max_bytes = 64 << 20});
  ASSERT_TRUE(engine.has_value()) << engine.error().message();
  const auto vocab = static_cast<size_t>(model.config().vocab);
  std::map<SequenceId, std::vector<float>> logits;
  (*engine)->set_logits_sink([&](SequenceId id, int position, std::span<const float> rows) {
    auto& all = logits[id];
    all.resize(std::max(all.size(), (static_cast<size_t>(position) * vocab) + rows.size()));
    std::ranges::copy(rows, all.begin() + static_cast<ptrdiff_t>(static_cast<size_t>(position) * vocab));
  });
  // Beside the case itself, shorter prefixes of it run in the same batch.
  std::vector<size_t> lengths = {expected.ids.size()};
  for (int i = 1; i < way.max_seqs; ++i) lengths.push_back(expected.ids.size() - 5 * static_cast<size_t>(i));
  for (const size_t length : lengths) {
    Request request;
    request.prompt.assign(expected.ids.begin(), expected.ids.begin() + static_cast<ptrdiff_t>(length));
    request.max_new_tokens = length == expected.ids.size() ? static_cast<int>(expected.greedy.size()) : 3;
    request.all_logits = true;
    ASSERT_TRUE((*engine)->add(std::move(request)).has_value());
  }
  std::vector<int32_t> greedy;
  while (!(*engine)->idle()) {
    const auto events = (*engine)->step();
    ASSERT_TRUE(events.has_value()) << events.error().message();
    for (const TokenEvent& event : *events) {
      if (event.sequence == 0) greedy.push_back(event.token);
    }
  }
  for (size_t s = 0; s < lengths.size(); ++s) {
    const auto& got = logits[static_cast<SequenceId>(s)];
    ASSERT_GE(got.size(), lengths[s] * vocab);
    double worst = 0;
    for (size_t i = 0; i < lengths[s] * vocab; ++i)
      worst = std::max(worst, std::abs(static_cast<double>(got[i]) - expected.logits[i]));
    EXPECT_LE(worst, bound * expected.spread) << "sequence " << s;
  }
  if (expected.margin > 2 * bound * expected.spread) {
    EXPECT_EQ(greedy, expected.greedy);
  }
}

// A folder of data/ that holds a model in the Hugging Face form; each GGUF file in it is the same model again.
class Golden : public testing::TestWithParam<std::string> {};

TEST_P(Golden, AgreesHoweverItIsFed) {
  const fs::path folder = kData / GetParam();
  const Expected expected = expected_of(folder);
  std::vector<fs::path> models;
  if (fs::exists(folder / "config.json")) models.push_back(folder);
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".gguf") models.push_back(entry.path());
  }
  ASSERT_FALSE(models.empty());
  std::vector<std::unique_ptr<Device>> devices;
  devices.push_back(nullptr);
  for (const DeviceInfo& info : plugins().devices()) {
    if (info.score <= 0) continue;
    auto device = plugins().open(info.id);
    ASSERT_TRUE(device.has_value()) << device.error().message();
    devices.push_back(std::move(*device));
  }
  EXPECT_GT(devices.size(), 1u) << "no plugin was built";
  for (const fs::path& path : models) {
    const auto model = Model::open(path.string());
    if (!model && model.error().code == ErrorCode::kUnsupported &&
        std::ranges::find(kPending, GetParam()) != std::end(kPending))
      GTEST_SKIP() << model.error().message();
    ASSERT_TRUE(model.has_value()) << model.error().message();
    for (const auto& device : devices) {
      for (const Way& way : kWays) {
        SCOPED_TRACE(path.string() + " on " + (device == nullptr ? "reference" : device->info().id) + ", " + way.name);
        check(*model, expected, device.get(), way, tolerance(path));
      }
    }
  }
}

std::vector<std::string> cases() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(kData)) {
    if (fs::exists(entry.path() / "expected.safetensors")) names.push_back(entry.path().filename());
  }
  std::ranges::sort(names);
  return names;
}

INSTANTIATE_TEST_SUITE_P(Models, Golden, testing::ValuesIn(cases()), [](const auto& param) { return param.param; });

}  // namespace
}  // namespace bp
