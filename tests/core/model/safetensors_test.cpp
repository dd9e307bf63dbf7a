#include "model/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/weights.h"
#include "safetensors_writer.h"
#include "temp_folder.h"

namespace bp {
namespace {

using test::safetensors_bytes;
using test::SafetensorsWriter;
using test::TempFolder;
using testing::ElementsAre;
using testing::HasSubstr;

std::string refusal(const std::string& bytes) {
  const auto tensors = read_safetensors(std::as_bytes(std::span(bytes)), "model.safetensors");
  return tensors ? "accepted" : tensors.error().message();
}

std::string refusal_of_header(std::string_view header, size_t n_data = 64) {
  return refusal(safetensors_bytes(header, std::string(n_data, '\0')));
}

TEST(Safetensors, ReadsTensorsInTheOrderOfTheirBytes) {
  const std::string bytes = safetensors_bytes(
      R"({"__metadata__": {"format": "pt"}, "b": {"dtype": "BF16", "shape": [2, 2], "data_offsets": [8, 16]},
          "a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},
          "s": {"dtype": "I64", "shape": [], "data_offsets": [16, 24]},
          "none": {"dtype": "F16", "shape": [0, 3], "data_offsets": [16, 16]}})",
      std::string(24, '\0'));
  const auto tensors = read_safetensors(std::as_bytes(std::span(bytes)), "model.safetensors");
  ASSERT_TRUE(tensors) << tensors.error().message();
  ASSERT_EQ(tensors->size(), 4u);
  EXPECT_EQ((*tensors)[0].name, "a");
  EXPECT_EQ((*tensors)[1].name, "b");
  EXPECT_EQ((*tensors)[1].dtype, DType::kBF16);
  EXPECT_THAT((*tensors)[1].dims, ElementsAre(2, 2));
  EXPECT_THAT((*tensors)[3].dims, ElementsAre());
}

TEST(Safetensors, RefusesBadHeaders) {
  EXPECT_THAT(refusal(""), HasSubstr("too few for a safetensors file"));
  EXPECT_THAT(refusal(std::string("\xff\xff\xff\xff\xff\xff\xff\xff{}", 10)), HasSubstr("claims a header of"));
  EXPECT_THAT(refusal_of_header("{"), HasSubstr("not valid JSON"));
  EXPECT_THAT(refusal_of_header("[]"), HasSubstr("no JSON object"));
  EXPECT_THAT(refusal_of_header(std::string(1000, '[')), HasSubstr("not valid JSON"));
  EXPECT_THAT(refusal_of_header("\xff\xfe"), HasSubstr("not valid JSON"));
}

TEST(Safetensors, RefusesBadEntries) {
  const auto one = [](std::string_view entry) { return refusal_of_header("{\"t\": " + std::string(entry) + "}"); };
  EXPECT_EQ(one(R"({"dtype": "F32", "shape": [4, 4], "data_offsets": [0, 64]})"), "accepted");
  EXPECT_THAT(one("3"), HasSubstr("tensor t is not described by an object"));
  EXPECT_THAT(one(R"({"shape": [16], "data_offsets": [0, 64]})"), HasSubstr("has no dtype"));
  EXPECT_THAT(one(R"({"dtype": "U64", "shape": [8], "data_offsets": [0, 64]})"), HasSubstr("has the dtype U64"));
  EXPECT_THAT(one(R"({"dtype": "F32", "data_offsets": [0, 64]})"), HasSubstr("has no shape"));
  EXPECT_THAT(one(R"({"dtype": "F32", "shape": [-16], "data_offsets": [0, 64]})"), HasSubstr("is no size"));
  EXPECT_THAT(one(R"({"dtype": "F32", "shape": [16.0], "data_offsets": [0, 64]})"), HasSubstr("is no size"));
  EXPECT_THAT(one(R"({"dtype": "F32", "shape": [18446744073709551615], "data_offsets": [0, 64]})"),
              HasSubstr("is no size"));
  EXPECT_THAT(one(R"({"dtype": "F32", "shape": [4294967296, 4294967296], "data_offsets": [0, 64]})"),
              HasSubstr("but has 64 bytes"));
  EXPECT_THAT(one(R"({"dtype": "F32", "shape": [15], "data_offsets": [0, 64]})"), HasSubstr("but has 64 bytes"));
  EXPECT_THAT(one(R"({"dtype": "F32", "shape": [16]})"), HasSubstr("has no data_offsets"));
  EXPECT_THAT(one(R"({"dtype": "F32", "shape": [16], "data_offsets": [64, 0]})"), HasSubstr("no extent"));
  EXPECT_THAT(one(R"({"dtype": "F32", "shape": [16], "data_offsets": [-64, 0]})"), HasSubstr("no extent"));
  EXPECT_EQ(one(R"({"dtype": "F32", "shape": [16], "data_offsets": [4, 68]})"),
            "model.safetensors: tensor t ends at byte 68 of 64; the file is truncated, download it again");
  EXPECT_THAT(one(R"({"dtype": "F32", "shape": [1,1,1,1,1,1,1,1,16], "data_offsets": [0, 64]})"),
              HasSubstr("too many dimensions"));
}

TEST(Safetensors, RefusesTensorsThatOverlap) {
  EXPECT_THAT(refusal_of_header(R"({"a": {"dtype": "F32", "shape": [8], "data_offsets": [0, 32]},
                                    "b": {"dtype": "F32", "shape": [8], "data_offsets": [16, 48]}})"),
              HasSubstr("tensors a and b overlap"));
}

TEST(Safetensors, EveryTruncationIsAnErrorAndNoCrash) {
  SafetensorsWriter writer;
  writer.tensor("a", {2}, {1, 2});
  writer.tensor("b", {1}, {3});
  const std::string whole = writer.bytes();
  EXPECT_EQ(refusal(whole), "accepted");
  for (size_t size = 0; size < whole.size(); ++size) {
    const std::vector<char> bytes(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size));
    EXPECT_FALSE(read_safetensors(std::as_bytes(std::span(bytes)), "model.safetensors")) << size;
  }
}

TEST(Weights, FindsTensorsOfAFolder) {
  const TempFolder folder;
  EXPECT_THAT(Weights::from_folder(folder.path()).error().message(), HasSubstr("has no weights: model.safetensors"));
  SafetensorsWriter writer;
  writer.tensor("a", {2}, {1, 2});
  folder.write("model.safetensors", writer.bytes());
  const auto weights = Weights::from_folder(folder.path());
  ASSERT_TRUE(weights) << weights.error().message();
  ASSERT_NE(weights->find("a"), nullptr);
  EXPECT_EQ(weights->find("b"), nullptr);
  EXPECT_EQ(weights->gguf(), nullptr);
}

TEST(Weights, FindsTensorsOfAShardedFolder) {
  const TempFolder folder;
  SafetensorsWriter one, two;
  one.tensor("a", {1}, {1});
  two.tensor("b", {1}, {2});
  folder.write("model-00001-of-00002.safetensors", one.bytes());
  folder.write("model-00002-of-00002.safetensors", two.bytes());
  folder.write("model.safetensors.index.json",
               R"({"metadata": {"total_size": 8}, "weight_map": {"a": "model-00001-of-00002.safetensors",
                                                                  "b": "model-00002-of-00002.safetensors"}})");
  const auto weights = Weights::from_folder(folder.path());
  ASSERT_TRUE(weights) << weights.error().message();
  float value = 0;
  std::memcpy(&value, weights->find("b")->bytes.data(), 4);
  EXPECT_EQ(value, 2.0f);
}

TEST(Weights, RefusesAnIndexThatLies) {
  const TempFolder folder;
  SafetensorsWriter writer;
  writer.tensor("a", {1}, {1});
  folder.write("x.safetensors", writer.bytes());
  folder.write("y.safetensors", writer.bytes());
  const auto refusal_of = [&](std::string_view index) {
    folder.write("model.safetensors.index.json", index);
    const auto weights = Weights::from_folder(folder.path());
    return weights ? std::string("accepted") : weights.error().message();
  };
  EXPECT_EQ(refusal_of(R"({"weight_map": {"a": "x.safetensors"}})"), "accepted");
  EXPECT_THAT(refusal_of("{}"), HasSubstr("has no weight_map"));
  EXPECT_THAT(refusal_of("["), HasSubstr("not valid JSON"));
  for (const char* name : {"../x.safetensors", "/etc/passwd", "..", ".", "", "a\\\\b", "x\\u0000"}) {
    const std::string index = R"({"weight_map": {"a": ")" + std::string(name) + "\"}}";
    EXPECT_THAT(refusal_of(index), HasSubstr("no plain file name")) << name;
  }
  EXPECT_THAT(refusal_of(R"({"weight_map": {"a": 3}})"), HasSubstr("no plain file name"));
  EXPECT_THAT(refusal_of(R"({"weight_map": {"a": "z.safetensors"}})"), HasSubstr("z.safetensors: cannot open"));
  EXPECT_THAT(refusal_of(R"({"weight_map": {"b": "x.safetensors"}})"), HasSubstr("tensor b is not in x.safetensors"));
  EXPECT_THAT(refusal_of(R"({"weight_map": {"a": "x.safetensors", "b": "y.safetensors"}})"),
              HasSubstr("tensor a is in another file too"));
}

TEST(Weights, AlignsTensorsThatTheirFileDoesNot) {
  const TempFolder folder;
  const float value = 7;
  std::string data(4, '\0');
  std::memcpy(data.data(), &value, 4);
  std::string header = R"({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}})";
  header.resize((header.size() + 7) / 8 * 8 + 1, ' ');
  folder.write("model.safetensors", safetensors_bytes(header, data));
  const auto weights = Weights::from_folder(folder.path());
  ASSERT_TRUE(weights) << weights.error().message();
  const std::byte* bytes = weights->find("a")->bytes.data();
  EXPECT_EQ(reinterpret_cast<uintptr_t>(bytes) % 4, 0u);
  EXPECT_EQ(*reinterpret_cast<const float*>(bytes), 7.0f);
}

}  // namespace
}  // namespace bp
