#include "model/gguf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gguf_writer.h"
#include "model/gguf_reader.h"
#include "temp_folder.h"

namespace bp {
namespace {

using test::GgufWriter;
using test::TempFolder;
using testing::ElementsAre;
using testing::HasSubstr;

Result<GgufShard> read(const std::string& bytes) { return read_gguf(std::as_bytes(std::span(bytes)), "model.gguf"); }

std::string refusal(const std::string& bytes) {
  const auto shard = read(bytes);
  return shard ? "accepted" : shard.error().message();
}

GgufWriter small_file() {
  GgufWriter writer;
  writer.text("general.architecture", "llama");
  writer.u32("answer", 42);
  writer.tensor("a", {2, 3}, {1, 2, 3, 4, 5, 6});
  writer.tensor("b", {32}, std::vector<float>(32, 0.5f), DType::kQ8_0);
  return writer;
}

TEST(Gguf, ReadsTensorsWithRowMajorDims) {
  for (const uint32_t version : {2u, 3u}) {
    GgufWriter writer = small_file();
    writer.version = version;
    const std::string bytes = writer.bytes();
    const auto shard = read(bytes);
    ASSERT_TRUE(shard) << shard.error().message();
    ASSERT_EQ(shard->tensors.size(), 2u);
    EXPECT_EQ(shard->tensors[0].name, "a");
    EXPECT_THAT(shard->tensors[0].dims, ElementsAre(2, 3));
    EXPECT_EQ(shard->tensors[0].bytes.size(), 24u);
    EXPECT_EQ(shard->tensors[1].dtype, DType::kQ8_0);
    EXPECT_EQ(shard->tensors[1].bytes.size(), 34u);
    float last = 0;
    std::memcpy(&last, shard->tensors[0].bytes.data() + 20, 4);
    EXPECT_EQ(last, 6.0f);
  }
}

TEST(Gguf, TakesNumbersOfAnyWidthWhereTheValueFits) {
  GgufWriter writer;
  writer.number<uint8_t>("u8", 0, 200);
  writer.number<int8_t>("i8", 1, -3);
  writer.number<uint16_t>("u16", 2, 60000);
  writer.number<int16_t>("i16", 3, -300);
  writer.number<int32_t>("i32", 5, -70000);
  writer.number<uint64_t>("u64", 10, UINT64_MAX);
  writer.number<int64_t>("i64", 11, int64_t{1} << 40);
  writer.number<double>("f64", 12, 0.25);
  writer.f32("f32", 1.5f);
  writer.number<uint8_t>("yes", 7, 1);
  writer.text("name", "x");
  const std::string bytes = writer.bytes();
  const auto shard = read(bytes);
  ASSERT_TRUE(shard) << shard.error().message();
  const GgufMetadata& m = shard->metadata;
  EXPECT_EQ(m.find<uint32_t>("u8"), 200u);
  EXPECT_EQ(m.find<int64_t>("i8"), -3);
  EXPECT_EQ(m.find<uint32_t>("i8"), std::nullopt);
  EXPECT_EQ(m.find<int16_t>("u16"), std::nullopt);
  EXPECT_EQ(m.find<int32_t>("i16"), -300);
  EXPECT_EQ(m.find<int64_t>("u64"), std::nullopt);
  EXPECT_EQ(m.find<double>("u64"), static_cast<double>(UINT64_MAX));
  EXPECT_EQ(m.find<int32_t>("i64"), std::nullopt);
  EXPECT_EQ(m.find<float>("f64"), 0.25f);
  EXPECT_EQ(m.find<double>("f32"), 1.5);
  EXPECT_EQ(m.find<double>("i32"), -70000.0);
  EXPECT_EQ(m.find<int32_t>("f32"), std::nullopt);
  EXPECT_EQ(m.find<bool>("yes"), true);
  EXPECT_EQ(m.find<bool>("u8"), std::nullopt);
  EXPECT_EQ(m.find<std::string_view>("name"), "x");
  EXPECT_EQ(m.find<std::string_view>("nothing"), std::nullopt);
  EXPECT_EQ(*m.get_or<int64_t>("nothing", 7), 7);
  EXPECT_THAT(m.get<uint32_t>("i8").error().message(), HasSubstr("model.gguf: metadata key i8 = -3 is not an integer"));
  EXPECT_THAT(m.get_or<uint32_t>("name", 7).error().message(), HasSubstr("metadata key name is string"));
  EXPECT_THAT(m.get<uint32_t>("nothing").error().message(), HasSubstr("metadata key nothing is missing"));
}

TEST(Gguf, ReadsArrays) {
  GgufWriter writer;
  writer.strings("tokens", {"a", "", "länger"});
  writer.array<int32_t>("types", 5, {1, -2, 3});
  writer.array<float>("scores", 6, {0.5f, -1});
  writer.array<uint8_t>("flags", 7, {1, 0});
  writer.strings("none", {});
  const std::string bytes = writer.bytes();
  const auto shard = read(bytes);
  ASSERT_TRUE(shard) << shard.error().message();
  const GgufMetadata& m = shard->metadata;
  EXPECT_THAT(*m.strings("tokens"), ElementsAre("a", "", "länger"));
  EXPECT_THAT(*m.strings("none"), ElementsAre());
  EXPECT_THAT(*m.numbers<int64_t>("types"), ElementsAre(1, -2, 3));
  EXPECT_FALSE(m.numbers<uint32_t>("types"));
  EXPECT_THAT(*m.numbers<float>("scores"), ElementsAre(0.5f, -1.0f));
  EXPECT_FALSE(m.numbers<int32_t>("scores"));
  EXPECT_THAT(*m.numbers<int32_t>("flags"), ElementsAre(1, 0));
  EXPECT_FALSE(m.strings("types"));
  EXPECT_FALSE(m.numbers<int32_t>("tokens"));
  EXPECT_EQ(m.find<uint32_t>("types"), std::nullopt);
}

TEST(Gguf, EveryTruncationIsAnErrorAndNoCrash) {
  GgufWriter writer = small_file();
  writer.strings("tokens", {"one", "two"});
  writer.array<float>("scores", 6, {1, 2, 3});
  const std::string whole = writer.bytes();
  const size_t needed = whole.size() - 30;  // the last tensor's padding may be missing
  for (size_t size = 0; size < needed; ++size) {
    // A buffer of exactly that size, so that a read past it is seen.
    const std::vector<char> bytes(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size));
    EXPECT_FALSE(read_gguf(std::as_bytes(std::span(bytes)), "model.gguf")) << size;
  }
}

TEST(Gguf, SaysWhereATruncatedTensorEnds) {
  const std::string whole = small_file().bytes();
  EXPECT_EQ(refusal(whole.substr(0, whole.size() - 40)),
            "model.gguf: tensor b ends at byte 258 of 248; the file is truncated, download it again");
}

TEST(Gguf, EveryFlippedByteIsReadOrRefused) {
  GgufWriter writer = small_file();
  writer.strings("tokens", {"one", "two"});
  const std::string whole = writer.bytes();
  for (size_t i = 0; i < whole.size(); ++i) {
    for (const int flip : {0x01, 0x80, 0xff}) {
      std::string changed = whole;
      changed[i] = static_cast<char>(changed[i] ^ flip);
      (void)refusal(changed);
    }
  }
}

TEST(Gguf, RefusesWhatIsNoGguf) {
  EXPECT_THAT(refusal(""), HasSubstr("is not a GGUF file"));
  EXPECT_THAT(refusal("GG"), HasSubstr("is not a GGUF file"));
  EXPECT_THAT(refusal("PK\x03\x04 something else"), HasSubstr("is not a GGUF file"));
  GgufWriter writer = small_file();
  writer.version = 1;
  EXPECT_THAT(refusal(writer.bytes()), HasSubstr("GGUF version 1"));
  writer.version = 0x03000000;
  EXPECT_THAT(refusal(writer.bytes()), HasSubstr("big-endian"));
}

TEST(Gguf, BelievesNoCount) {
  GgufWriter writer = small_file();
  writer.n_keys_claimed = int64_t{1} << 60;
  EXPECT_THAT(refusal(writer.bytes()), HasSubstr("claims 1152921504606846976 keys"));
  writer = small_file();
  writer.n_tensors_claimed = 1000;
  EXPECT_THAT(refusal(writer.bytes()), HasSubstr("and 1000 tensors"));

  for (const uint32_t type : {0u, 5u, 8u, 12u}) {  // u8, i32, string, f64
    for (const uint64_t count : {uint64_t{1} << 30, uint64_t{1} << 61, UINT64_MAX}) {
      GgufWriter array;
      std::string value;
      test::append_number(value, type);
      test::append_number(value, count);
      array.raw("list", 9, value);
      EXPECT_THAT(refusal(array.bytes()), HasSubstr("list")) << type << " " << count;
    }
  }
  GgufWriter text;
  std::string value;
  test::append_number(value, UINT64_MAX - 3);
  text.raw("long", 8, value);
  EXPECT_THAT(refusal(text.bytes()), HasSubstr("long needs"));
}

TEST(Gguf, RefusesBadEntries) {
  GgufWriter twice = small_file();
  twice.u32("answer", 43);
  EXPECT_THAT(refusal(twice.bytes()), HasSubstr("metadata key answer appears twice"));
  GgufWriter unknown;
  unknown.raw("odd", 13, "1234");
  EXPECT_THAT(refusal(unknown.bytes()), HasSubstr("metadata key odd has the unknown type 13"));
  GgufWriter nested;
  std::string value;
  test::append_number<uint32_t>(value, 9);
  test::append_number<uint64_t>(value, 0);
  nested.raw("nested", 9, value);
  EXPECT_THAT(refusal(nested.bytes()), HasSubstr("is an array of arrays"));
  GgufWriter nameless;
  nameless.u32("", 1);
  EXPECT_THAT(refusal(nameless.bytes()), HasSubstr("a metadata key at byte 32 has 0 bytes"));
}

TEST(Gguf, ValidatesTheAlignment) {
  for (const uint32_t alignment : {0u, 4u, 24u, 1u << 20}) {
    GgufWriter writer = small_file();
    writer.u32("general.alignment", alignment);
    EXPECT_THAT(refusal(writer.bytes()), HasSubstr("general.alignment")) << alignment;
  }
  GgufWriter text = small_file();
  text.text("general.alignment", "32");
  EXPECT_THAT(refusal(text.bytes()), HasSubstr("general.alignment is string"));
  GgufWriter wide;
  wide.alignment = 256;
  wide.u32("general.alignment", 256);
  wide.tensor("a", {1}, {1});
  wide.tensor("b", {1}, {2});
  const std::string bytes = wide.bytes();
  const auto shard = read(bytes);
  ASSERT_TRUE(shard) << shard.error().message();
  float value = 0;
  std::memcpy(&value, shard->tensors[1].bytes.data(), 4);
  EXPECT_EQ(value, 2.0f);
}

TEST(Gguf, RefusesBadTensors) {
  const auto one = [](const std::vector<uint64_t>& dims, uint32_t type, uint64_t offset) {
    GgufWriter writer;
    writer.tensor_at("t", dims, type, offset, std::string(64, '\0'));
    return refusal(writer.bytes());
  };
  EXPECT_EQ(one({16}, 0, 0), "accepted");
  EXPECT_THAT(one({}, 0, 0), HasSubstr("has 0 dimensions"));
  EXPECT_THAT(one({1, 1, 1, 1, 1}, 0, 0), HasSubstr("has 5 dimensions"));
  EXPECT_THAT(one({0}, 0, 0), HasSubstr("has a dimension of 0"));
  EXPECT_THAT(one({UINT64_MAX}, 0, 0), HasSubstr("has a dimension of"));
  EXPECT_THAT(one({uint64_t{1} << 40, uint64_t{1} << 40}, 0, 0), HasSubstr("overflows"));
  EXPECT_THAT(one({uint64_t{1} << 61}, 0, 0), HasSubstr("ends"));
  EXPECT_THAT(one({31}, 8, 0), HasSubstr("does not fill whole blocks of q8_0"));
  EXPECT_THAT(one({16}, 16, 0), HasSubstr("tensor t has the type IQ2_XXS"));
  EXPECT_THAT(one({16}, 4, 0), HasSubstr("unknown type 4"));
  EXPECT_THAT(one({16}, 0, 8), HasSubstr("not a multiple of the alignment 32"));
  EXPECT_THAT(one({16}, 0, 64), HasSubstr("ends at byte"));
  EXPECT_THAT(one({16}, 0, UINT64_MAX - 31), HasSubstr("ends beyond any file"));
}

TEST(Gguf, RefusesTensorsThatOverlapOrRepeat) {
  GgufWriter overlap;
  overlap.tensor_at("a", {16}, 0, 0, std::string(128, '\0'));
  overlap.tensor_at("b", {16}, 0, 32, "");
  EXPECT_THAT(refusal(overlap.bytes()), HasSubstr("tensors a and b overlap"));
  GgufWriter twice;
  twice.tensor("a", {1}, {1});
  twice.tensor("a", {1}, {1});
  EXPECT_THAT(refusal(twice.bytes()), HasSubstr("tensor a appears twice"));
}

// Shard `shard_idx` of `n_shards`, with one tensor "t<shard_idx>".
GgufWriter shard_writer(uint32_t shard_idx, uint32_t n_shards) {
  GgufWriter writer;
  if (shard_idx == 0) writer.text("general.architecture", "llama");
  writer.number<uint16_t>("split.no", 2, static_cast<uint16_t>(shard_idx));
  writer.number<uint16_t>("split.count", 2, static_cast<uint16_t>(n_shards));
  writer.number<int32_t>("split.tensors.count", 5, static_cast<int32_t>(n_shards));
  writer.tensor("t" + std::to_string(shard_idx), {1}, {static_cast<float>(shard_idx)});
  return writer;
}

TEST(GgufSplit, OpensAllShardsFromTheFirst) {
  const TempFolder folder;
  for (uint32_t i = 0; i < 3; ++i) {
    folder.write("m-0000" + std::to_string(i + 1) + "-of-00003.gguf", shard_writer(i, 3).bytes());
  }
  const auto file = GgufFile::open(folder.path() + "/m-00001-of-00003.gguf");
  ASSERT_TRUE(file) << file.error().message();
  ASSERT_EQ(file->tensors().size(), 3u);
  float value = 0;
  std::memcpy(&value, file->tensors()[2].bytes.data(), 4);
  EXPECT_EQ(value, 2.0f);
  EXPECT_EQ(file->metadata().find<std::string_view>("general.architecture"), "llama");

  const auto second = GgufFile::open(folder.path() + "/m-00002-of-00003.gguf");
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().message(), HasSubstr("is shard 2 of 3; name the first shard"));
}

TEST(GgufSplit, RefusesShardsThatDoNotBelongTogether) {
  const TempFolder folder;
  const std::string first = folder.write("m-00001-of-00002.gguf", shard_writer(0, 2).bytes());
  const auto refusal_of = [&] { return GgufFile::open(first).error().message(); };
  EXPECT_THAT(refusal_of(), HasSubstr("m-00002-of-00002.gguf: cannot open"));
  folder.write("m-00002-of-00002.gguf", shard_writer(1, 3).bytes());
  EXPECT_THAT(refusal_of(), HasSubstr("says it is shard 1 of 3, not 1 of 2"));
  folder.write("m-00002-of-00002.gguf", shard_writer(0, 2).bytes());
  EXPECT_THAT(refusal_of(), HasSubstr("says it is shard 0 of 2, not 1 of 2"));
  folder.write("m-00002-of-00002.gguf", shard_writer(1, 2).bytes().substr(0, 100));
  EXPECT_THAT(refusal_of(), HasSubstr("truncated"));

  GgufWriter same_tensor = shard_writer(1, 2);
  same_tensor.tensor("t0", {1}, {1});
  folder.write("m-00002-of-00002.gguf", same_tensor.bytes());
  EXPECT_THAT(refusal_of(), HasSubstr("tensor t0 is in two shards"));
  GgufWriter too_many = shard_writer(1, 2);
  too_many.tensor("more", {1}, {1});
  folder.write("m-00002-of-00002.gguf", too_many.bytes());
  EXPECT_THAT(refusal_of(), HasSubstr("the shards hold 3 tensors, split.tensors.count = 2"));

  const std::string odd_name = folder.write("m.gguf", shard_writer(0, 2).bytes());
  EXPECT_THAT(GgufFile::open(odd_name).error().message(), HasSubstr("name the first shard, whose name ends in"));
  EXPECT_FALSE(GgufFile::open(folder.path() + "/nothing.gguf"));
  EXPECT_FALSE(GgufFile::open(folder.path()));
}

}  // namespace
}  // namespace bp
