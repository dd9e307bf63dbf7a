#include "golden_run.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>

#include "../core/built_plugins.h"

namespace bp {
namespace {

PluginRegistry& plugins() {
  static const std::unique_ptr<PluginRegistry> registry = [] {
    PluginSearch search{.dirs = {BP_BUILD_DIR "/lib/backplane/plugins"}};
    if (const char* more = std::getenv("BACKPLANE_GOLDEN_PLUGIN_DIR"); more != nullptr) search.dirs.emplace_back(more);
    return built_plugins(std::move(search));
  }();
  return *registry;
}

// Of a sequence, by position.
using Rows = std::map<int64_t, std::vector<float>>;

std::vector<size_t> prompt_lengths(const GoldenCase& golden, const GoldenWay& way) {
  std::vector<size_t> lengths = {golden.ids.size()};
  for (size_t i = 1; i < static_cast<size_t>(way.max_seqs); ++i) {
    const size_t shorter = golden.ids.size() > 5 * i ? golden.ids.size() - (5 * i) : 1;
    lengths.push_back(std::max(shorter, golden.prefix_min));
  }
  return lengths;
}

double worst_of(std::span<const float> expected, const Rows& got, int64_t position) {
  const auto row = got.find(position);
  if (row == got.end()) {
    ADD_FAILURE() << "no logits of position " << position;
    return 0;
  }
  double worst = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    const double error = std::abs(static_cast<double>(row->second[i]) - expected[i]);
    worst = std::isnan(error) ? INFINITY : std::max(worst, error);
  }
  return worst;
}

double worst_of(const GoldenCase& golden, const Rows& got, size_t length, size_t vocab) {
  double worst = 0;
  for (size_t r = 0; r < golden.rows.size(); ++r) {
    if (golden.rows[r] >= static_cast<int64_t>(length)) continue;
    worst = std::max(worst, worst_of(std::span(golden.logits).subspan(r * vocab, vocab), got, golden.rows[r]));
  }
  return worst;
}

double worst_of(const GoldenSequence& other, const Rows& got, size_t vocab) {
  EXPECT_EQ(other.logits.size(), other.ids.size() * vocab);
  double worst = 0;
  for (size_t r = 0; r < other.ids.size(); ++r) {
    worst = std::max(worst, worst_of(std::span(other.logits).subspan(r * vocab, vocab), got, static_cast<int64_t>(r)));
  }
  return worst;
}

}  // namespace

std::vector<std::unique_ptr<Device>> golden_devices() {
  std::vector<std::unique_ptr<Device>> devices;
  devices.push_back(nullptr);
  for (const DeviceInfo& info : plugins().devices()) {
    if (info.score <= 0) continue;
    auto device = plugins().open(info.id);
    EXPECT_TRUE(device.has_value()) << device.error().message();
    if (device) devices.push_back(std::move(*device));
  }
  EXPECT_GT(devices.size(), 1u) << "no plugin was built";
  return devices;
}

std::string device_name(const Device* device) { return device == nullptr ? "reference" : device->info().id; }

void check_golden(const Model& model, const GoldenCase& golden, Device* device, const GoldenWay& way, double bound) {
  EngineOptions options{.max_seqs = way.max_seqs,
                        .max_batch_tokens = way.max_batch_tokens,
                        .max_outputs = way.max_batch_tokens,
                        .max_chunk = way.chunk,
                        .max_context = static_cast<int>(golden.ids.size() + 24),
                        .kv_max_bytes = 64 << 20};
  if (!way.served) options.kv_dtype = DType::kF32;
  auto engine = Engine::create(model, device, options);
  ASSERT_TRUE(engine.has_value()) << engine.error().message();
  // These have a kernel for every op of every model.
  if (device_name(device) == "cpu:0" || device_name(device) == "cuda:0") {
    EXPECT_EQ((*engine)->executor().fallback_ops(), std::vector<std::string>());
  }
  const auto vocab = static_cast<size_t>(model.config().vocab);
  ASSERT_EQ(golden.logits.size(), golden.rows.size() * vocab);
  const bool sparse = golden.rows.size() < golden.ids.size();
  std::map<SequenceId, Rows> logits;
  (*engine)->set_logits_sink([&](SequenceId id, int position, std::span<const float> rows) {
    for (size_t r = 0; r * vocab < rows.size(); ++r) {
      const int64_t at = position + static_cast<int64_t>(r);
      if (sparse && !std::ranges::binary_search(golden.rows, at)) continue;
      const auto row = rows.subspan(r * vocab, vocab);
      logits[id].insert_or_assign(at, std::vector<float>(row.begin(), row.end()));
    }
  });
  const std::vector<size_t> lengths = prompt_lengths(golden, way);
  const auto others = std::span(golden.others).first(way.max_seqs > 1 ? golden.others.size() : 0);
  std::vector<SequenceId> ids;
  const auto add = [&](std::span<const int32_t> prompt, int n_new) {
    Request request;
    request.prompt.assign(prompt.begin(), prompt.end());
    request.max_new_tokens = n_new;
    request.all_logits = true;
    const auto id = (*engine)->add(std::move(request));
    ASSERT_TRUE(id.has_value()) << id.error().message();
    ids.push_back(*id);
  };
  for (const size_t length : lengths) {
    const bool whole = length == golden.ids.size();
    add(std::span(golden.ids).first(length), whole ? static_cast<int>(golden.greedy.size()) : 3);
  }
  for (const GoldenSequence& other : others) add(other.ids, 3);
  ASSERT_EQ(ids.size(), lengths.size() + others.size());
  std::vector<int32_t> greedy;
  while (!(*engine)->idle()) {
    const auto events = (*engine)->step();
    ASSERT_TRUE(events.has_value()) << events.error().message();
    for (const TokenEvent& event : *events) {
      if (event.sequence == ids[0]) greedy.push_back(event.token);
    }
  }
  for (size_t s = 0; s < lengths.size(); ++s) {
    const double worst = worst_of(golden, logits[ids[s]], lengths[s], vocab);
    EXPECT_LE(worst, bound * golden.spread) << "sequence " << s << ": " << worst / golden.spread << " of the spread";
  }
  for (size_t s = 0; s < others.size(); ++s) {
    const double worst = worst_of(others[s], logits[ids[lengths.size() + s]], vocab);
    EXPECT_LE(worst, bound * golden.spread) << "other " << s << ": " << worst / golden.spread << " of the spread";
  }
  if (golden.margin > 2 * bound * golden.spread) {
    EXPECT_EQ(greedy, golden.greedy);
  }
}

void check_golden_embeddings(const Model& model, const GoldenCase& golden, Device* device, int max_seqs, double bound) {
  const auto embedder = Embedder::create(model, device, {.max_seqs = max_seqs, .max_batch_tokens = 64});
  ASSERT_TRUE(embedder.has_value()) << embedder.error().message();
  std::vector<std::vector<int32_t>> lists;
  for (const GoldenEmbedding& embedding : golden.embeddings) lists.push_back(embedding.ids);
  const auto got = (*embedder)->embed(lists);
  ASSERT_TRUE(got.has_value()) << got.error().message();
  ASSERT_EQ(got->size(), lists.size());
  for (size_t s = 0; s < lists.size(); ++s) {
    std::vector<float> expected = golden.embeddings[s].values;
    double spread = golden.spread;
    if (model.config().normalize_embedding) {
      double squares = 0;
      for (const float x : expected) squares += static_cast<double>(x) * x;
      for (float& x : expected) x = static_cast<float>(x / std::sqrt(squares));
      spread = 1 / std::sqrt(static_cast<double>(expected.size()));
    }
    ASSERT_EQ((*got)[s].size(), expected.size());
    for (size_t i = 0; i < expected.size(); ++i) {
      ASSERT_NEAR((*got)[s][i], expected[i], bound * spread) << "list " << s << ", element " << i;
    }
  }
}

}  // namespace bp
