#include "golden_case.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <numeric>

#include "base/json.h"
#include "base/mapped_file.h"
#include "model/safetensors.h"

namespace bp {
namespace {

namespace fs = std::filesystem;

template <class T, class Out>
std::vector<Out> elements(const WeightView& view) {
  std::vector<Out> out(view.bytes.size() / sizeof(T));
  for (size_t i = 0; i < out.size(); ++i) {
    T value{};
    std::memcpy(&value, view.bytes.data() + (sizeof(T) * i), sizeof(T));
    out[i] = static_cast<Out>(value);
  }
  return out;
}

void read_tensors(GoldenCase& out, const fs::path& path) {
  const auto file = MappedFile::open(path.string());
  ASSERT_TRUE(file.has_value()) << file.error().message();
  const auto read = read_safetensors(file->bytes(), file->path());
  ASSERT_TRUE(read.has_value()) << read.error().message();
  const std::span<const WeightView> views = *read;
  std::map<std::string, std::vector<int32_t>> lists;
  for (const WeightView& view : views) {
    if (view.name == "input_ids") out.ids = elements<int64_t, int32_t>(view);
    if (view.name == "greedy") out.greedy = elements<int64_t, int32_t>(view);
    if (view.name == "rows") out.rows = elements<int64_t, int64_t>(view);
    if (view.name == "logits") out.logits = elements<float, float>(view);
    if (view.name.starts_with("input_ids")) lists[view.name.substr(9)] = elements<int64_t, int32_t>(view);
  }
  for (const WeightView& view : views) {
    if (view.name.starts_with("logits.")) {
      out.others.push_back({lists[view.name.substr(6)], elements<float, float>(view)});
      EXPECT_FALSE(out.others.back().ids.empty()) << view.name;
    }
    if (!view.name.starts_with("embedding")) continue;
    out.embeddings.push_back({lists[view.name.substr(9)], elements<float, float>(view)});
    EXPECT_FALSE(out.embeddings.back().ids.empty()) << view.name;
  }
}

}  // namespace

fs::path golden_data() { return fs::path(BP_SOURCE_DIR) / "tests/goldens/data"; }
fs::path golden_long_data() { return fs::path(BP_SOURCE_DIR) / "tests/goldens/long"; }

GoldenCase read_golden_case(const fs::path& folder) {
  GoldenCase out;
  read_tensors(out, folder / "expected.safetensors");
  if (out.ids.empty() && !out.embeds()) read_tensors(out, folder.parent_path() / "input_ids.safetensors");
  if (out.rows.empty()) {
    out.rows.resize(out.ids.size());
    std::iota(out.rows.begin(), out.rows.end(), 0);
  }
  const auto text = read_text_file((folder / "case.json").string(), 1 << 20);
  EXPECT_TRUE(text.has_value()) << folder;
  if (!text) return out;
  const auto info = parse_json(*text, "case.json");
  EXPECT_TRUE(info.has_value()) << folder;
  if (!info) return out;
  out.spread = info->at(out.embeds() ? "embedding_std" : "logits_std").as_double();
  if (!out.embeds()) out.margin = info->at("greedy_margin_min").as_double();
  if (const auto* prefix = info->as_object().if_contains("prefix_min"))
    out.prefix_min = static_cast<size_t>(prefix->as_int64());
  EXPECT_GT(out.spread, 0) << folder;
  return out;
}

std::vector<std::string> golden_names(const fs::path& data) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(data)) {
    if (fs::exists(entry.path() / "expected.safetensors")) names.push_back(entry.path().filename());
  }
  std::ranges::sort(names);
  return names;
}

}  // namespace bp
