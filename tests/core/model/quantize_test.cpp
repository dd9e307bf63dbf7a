#include "model/quantize.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "gguf_writer.h"
#include "model/gguf.h"
#include "model/quantize_plan.h"
#include "quant/quant.h"
#include "temp_folder.h"

namespace bp {
namespace {

using test::GgufWriter;
using test::TempFolder;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

std::vector<float> wave(int64_t n, float scale = 1.0f) {
  std::vector<float> values;
  for (int64_t i = 0; i < n; ++i) values.push_back(scale * std::sin(static_cast<float>(i * i % 1009)));
  return values;
}

// A model of every kind of tensor. Rows of 256, but one of 96 and one of 40.
void write_model(const std::string& path) {
  GgufWriter writer;
  writer.text("general.architecture", "llama");
  writer.u32("general.file_type", 0);
  writer.strings("tokenizer.ggml.tokens", {"a", "b"});
  writer.array<int32_t>("tokenizer.ggml.token_type", 5, {1, 2});
  writer.tensor("token_embd.weight", {8, 256}, wave(8 * 256), DType::kBF16);
  writer.tensor("blk.0.attn_norm.weight", {256}, wave(256), DType::kF16);
  writer.tensor("blk.0.attn_q.weight", {4, 256}, wave(4 * 256));
  writer.tensor("blk.0.attn_q.bias", {4}, wave(4));
  writer.tensor("blk.0.attn_k.weight", {4, 96}, wave(4 * 96));
  writer.tensor("blk.0.attn_v.weight", {4, 40}, wave(4 * 40));
  writer.tensor("blk.0.ffn_gate_inp.weight", {2, 256}, wave(2 * 256));
  writer.tensor("blk.0.ffn_up_exps.weight", {2, 3, 256}, wave(2 * 3 * 256));
  writer.save(path);
}

const WeightView& find(const GgufFile& file, const std::string& name) {
  for (const WeightView& tensor : file.tensors()) {
    if (tensor.name == name) return tensor;
  }
  ADD_FAILURE() << name;
  return file.tensors().front();
}

std::vector<float> values_of(const WeightView& view) {
  int64_t n = 1;
  for (const int64_t dim : view.dims) n *= dim;
  std::vector<float> values(static_cast<size_t>(n));
  decode_row(view.dtype, view.bytes.data(), values.data(), n);
  return values;
}

class Quantize : public testing::Test {
 protected:
  Quantize() { write_model(in()); }
  std::string in() const { return folder_.path() + "/in.gguf"; }
  std::string out() const { return folder_.path() + "/out.gguf"; }
  Result<QuantizeReport> run(const QuantizeOptions& options, int n_threads = 2) const {
    WriteOptions write;
    write.n_threads = n_threads;
    return quantize_gguf(in(), out(), options, write);
  }
  std::string error(const QuantizeOptions& options) const {
    const auto report = run(options);
    return report ? "no error" : report.error().message();
  }
  GgufFile open() const { return *GgufFile::open(out()); }

  TempFolder folder_;
};

TEST_F(Quantize, GivesEachTensorTheTypeUsersExpect) {
  const auto report = run({.type = DType::kQ4_K});
  ASSERT_TRUE(report) << report.error().message();
  const GgufFile file = open();
  EXPECT_EQ(find(file, "token_embd.weight").dtype, DType::kQ6_K);
  EXPECT_EQ(find(file, "blk.0.attn_norm.weight").dtype, DType::kF32);
  EXPECT_EQ(find(file, "blk.0.attn_q.weight").dtype, DType::kQ4_K);
  EXPECT_EQ(find(file, "blk.0.attn_q.bias").dtype, DType::kF32);
  EXPECT_EQ(find(file, "blk.0.attn_k.weight").dtype, DType::kQ8_0);
  EXPECT_EQ(find(file, "blk.0.attn_v.weight").dtype, DType::kF16);
  EXPECT_EQ(find(file, "blk.0.ffn_gate_inp.weight").dtype, DType::kF32);
  EXPECT_EQ(find(file, "blk.0.ffn_up_exps.weight").dtype, DType::kQ4_K);
  EXPECT_THAT(report->tensors,
              ElementsAre(Pair("f16", 1), Pair("f32", 3), Pair("q4_k", 2), Pair("q6_k", 1), Pair("q8_0", 1)));
  EXPECT_THAT(report->notes, ElementsAre(HasSubstr("2 tensors have rows that do not fill blocks of q4_k")));
  EXPECT_EQ(report->n_bytes, std::filesystem::file_size(out()));
}

TEST_F(Quantize, PureMeansTheEmbeddingToo) {
  ASSERT_TRUE(run({.type = DType::kQ4_K, .pure = true}));
  EXPECT_EQ(find(open(), "token_embd.weight").dtype, DType::kQ4_K);
}

TEST_F(Quantize, KeepsMetadataAndShapes) {
  ASSERT_TRUE(run({.type = DType::kQ8_0}));
  const GgufFile file = open();
  EXPECT_EQ(*file.metadata().get<std::string_view>("general.architecture"), "llama");
  EXPECT_EQ(*file.metadata().get<int64_t>("general.file_type"), 7);
  EXPECT_EQ(*file.metadata().get<int64_t>("general.quantization_version"), 2);
  EXPECT_THAT(*file.metadata().strings("tokenizer.ggml.tokens"), ElementsAre("a", "b"));
  EXPECT_THAT(*file.metadata().numbers<int64_t>("tokenizer.ggml.token_type"), ElementsAre(1, 2));
  EXPECT_THAT(find(file, "blk.0.ffn_up_exps.weight").dims, ElementsAre(2, 3, 256));
  for (const WeightView& tensor : file.tensors()) EXPECT_EQ(reinterpret_cast<uintptr_t>(tensor.bytes.data()) % 32, 0u);
}

TEST_F(Quantize, WritesWhatTheEncoderMakesOfEachRow) {
  ASSERT_TRUE(run({.type = DType::kQ4_0}));
  const auto values = wave(4 * 256);
  std::vector<std::byte> expected(*row_bytes(DType::kQ4_0, values.size()));
  ASSERT_TRUE(encode_row(DType::kQ4_0, values.data(), expected.data(), 4 * 256));
  const GgufFile file = open();
  const auto found = find(file, "blk.0.attn_q.weight").bytes;
  EXPECT_EQ(std::vector(found.begin(), found.end()), expected);
}

TEST_F(Quantize, DoesNotDependOnThreads) {
  ASSERT_TRUE(run({.type = DType::kQ4_K}, 1));
  const std::string one = *read_text_file(out(), 1 << 20);
  ASSERT_TRUE(run({.type = DType::kQ4_K}, 7));
  EXPECT_EQ(*read_text_file(out(), 1 << 20), one);
}

TEST_F(Quantize, MayReplaceItsInput) {
  const auto report = quantize_gguf(in(), in(), {.type = DType::kQ8_0}, {});
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(find(*GgufFile::open(in()), "blk.0.attn_q.weight").dtype, DType::kQ8_0);
}

TEST_F(Quantize, NeverGivesMoreBitsThanThereAre) {
  ASSERT_TRUE(run({.type = DType::kQ4_0, .pure = true}));
  const std::string small = folder_.path() + "/small.gguf", again = folder_.path() + "/again.gguf";
  std::filesystem::rename(out(), small);
  const auto report = quantize_gguf(small, again, {.type = DType::kQ8_0}, {});
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(find(*GgufFile::open(again), "blk.0.attn_q.weight").dtype, DType::kQ4_0);
  EXPECT_THAT(report->notes, testing::Not(testing::Contains(HasSubstr("quantised already"))));
  const auto less = quantize_gguf(small, again, {.type = DType::kQ2_K}, {});
  ASSERT_TRUE(less) << less.error().message();
  EXPECT_EQ(find(*GgufFile::open(again), "blk.0.attn_q.weight").dtype, DType::kQ2_K);
  EXPECT_THAT(less->notes, testing::Contains(HasSubstr("were quantised already")));
}

TEST_F(Quantize, ImportancesMoveTheErrorToWhatMattersLess) {
  const std::string path = folder_.path() + "/i.gguf";
  ImportanceMatrix matrix;
  Importance importance{.n_matrices = 1, .n_columns = 256, .sums = std::vector<double>(256, 1.0), .counts = {2}};
  for (size_t i = 0; i < 32; ++i) importance.sums[i] = 1e4;
  matrix.weights["blk.0.attn_q.weight"] = importance;
  matrix.weights["blk.0.ffn_up_exps.weight"] = {
      .n_matrices = 2, .n_columns = 256, .sums = std::vector<double>(512, 1.0), .counts = {3, 0}};
  matrix.dataset = "text.txt";
  ASSERT_TRUE(write_importance(path, matrix));
  ASSERT_TRUE(run({.type = DType::kQ4_K}));
  const auto plain = values_of(find(open(), "blk.0.attn_q.weight"));
  const auto report = run({.type = DType::kQ4_K, .importance = path});
  ASSERT_TRUE(report) << report.error().message();
  const GgufFile file = open();
  const auto weighted = values_of(find(file, "blk.0.attn_q.weight"));
  const auto exact = wave(4 * 256);
  double plain_error = 0, weighted_error = 0;
  for (size_t i = 0; i < exact.size(); ++i) {
    if (i % 256 >= 32) continue;
    plain_error += std::pow(static_cast<double>(plain[i] - exact[i]), 2);
    weighted_error += std::pow(static_cast<double>(weighted[i] - exact[i]), 2);
  }
  EXPECT_LT(weighted_error, plain_error);
  EXPECT_EQ(*file.metadata().get<std::string_view>("quantize.imatrix.file"), path);
}

TEST_F(Quantize, RefusesImportancesOfAnotherModel) {
  const std::string path = folder_.path() + "/i.gguf";
  ImportanceMatrix matrix;
  matrix.weights["blk.0.attn_q.weight"] = {
      .n_matrices = 1, .n_columns = 128, .sums = std::vector<double>(128, 1.0), .counts = {1}};
  ASSERT_TRUE(write_importance(path, matrix));
  EXPECT_THAT(error({.type = DType::kQ4_K, .importance = path}),
              HasSubstr("has 1 x 128 importances for tensor blk.0.attn_q.weight [4, 256]"));
  matrix.weights.clear();
  matrix.weights["blk.9.attn_q.weight"] = {
      .n_matrices = 1, .n_columns = 128, .sums = std::vector<double>(128, 1.0), .counts = {1}};
  ASSERT_TRUE(write_importance(path, matrix));
  EXPECT_THAT(error({.type = DType::kQ4_K, .importance = path}), HasSubstr("names no tensor that"));
  EXPECT_THAT(error({.type = DType::kQ4_K, .importance = in()}), HasSubstr("is no importance matrix"));
  EXPECT_THAT(error({.type = DType::kQ4_K, .importance = folder_.write("x", "text")}), HasSubstr("is not a GGUF file"));
}

TEST_F(Quantize, ABadValueLeavesNothingBehind) {
  GgufWriter writer;
  writer.text("general.architecture", "llama");
  std::vector<float> values = wave(3 * 256);
  values[2 * 256 + 5] = NAN;
  writer.tensor("blk.0.attn_q.weight", {3, 256}, values);
  writer.save(in());
  EXPECT_EQ(error({.type = DType::kQ4_K}), "tensor blk.0.attn_q.weight row 2: element 5 is nan; use f16 or f32");
  EXPECT_FALSE(std::filesystem::exists(out()));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_.path()), {}), 1);
}

TEST_F(Quantize, StopsWhenAsked) {
  std::stop_source stop;
  stop.request_stop();
  WriteOptions write;
  write.stop = stop.get_token();
  const auto report = quantize_gguf(in(), out(), {.type = DType::kQ8_0}, write);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::kInterrupted);
  EXPECT_FALSE(std::filesystem::exists(out()));
}

TEST_F(Quantize, RefusesAnOutputItCannotWrite) {
  const auto folder = quantize_gguf(in(), folder_.path(), {.type = DType::kQ8_0}, {});
  ASSERT_FALSE(folder);
  EXPECT_THAT(folder.error().message(), HasSubstr("is no regular file"));
  const auto missing = quantize_gguf(in(), folder_.path() + "/no/out.gguf", {.type = DType::kQ8_0}, {});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kUsage);
}

TEST(PlanTensor, DecodesBlocksOnlyWhereAFloatIsAskedFor) {
  const WeightView blocks{"blk.0.ffn_up.weight", DType::kQ4_1, {4, 256}, {}};
  EXPECT_EQ(plan_tensor(blocks, DType::kF32, false).type, DType::kF32);
  EXPECT_EQ(plan_tensor(blocks, DType::kBF16, false).type, DType::kBF16);
  EXPECT_EQ(plan_tensor(blocks, DType::kQ8_0, false).type, DType::kQ4_1);
  EXPECT_EQ(plan_tensor(blocks, DType::kQ3_K, false).type, DType::kQ3_K);
}

TEST(QuantizeType, KnowsItsNames) {
  EXPECT_EQ(parse_quantize_type("Q4_K"), DType::kQ4_K);
  EXPECT_EQ(parse_quantize_type("bf16"), DType::kBF16);
  for (const char* name : {"", "q4_k_m", "iq4_nl", "i8", "fp8_e4m3"})
    EXPECT_EQ(parse_quantize_type(name), std::nullopt);
  EXPECT_EQ(gguf_file_type(DType::kQ6_K), 18u);
}

TEST(ImportanceFile, ComesBack) {
  const TempFolder folder;
  const std::string path = folder.path() + "/i.gguf";
  ImportanceMatrix matrix;
  matrix.weights["w"] = {.n_matrices = 2, .n_columns = 3, .sums = {1, 2, 3, 4, 5, 6}, .counts = {2, 0}};
  matrix.dataset = "text.txt";
  matrix.n_chunks = 4;
  matrix.chunk_tokens = 512;
  ASSERT_TRUE(write_importance(path, matrix));
  const auto back = read_importance(path);
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(back->weights.at("w").sums, matrix.weights.at("w").sums);
  EXPECT_THAT(back->weights.at("w").means(0), ElementsAre(0.5f, 1.0f, 1.5f));
  EXPECT_THAT(back->weights.at("w").means(1), ElementsAre(0, 0, 0));
  EXPECT_EQ(back->dataset, "text.txt");
  EXPECT_EQ(back->n_chunks, 4);
  EXPECT_EQ(back->chunk_tokens, 512);
}

TEST(ImportanceFile, RefusesWhatIsNoWeight) {
  const TempFolder folder;
  const std::string path = folder.path() + "/i.gguf";
  const auto refusal = [&](const std::vector<float>& sums, const std::vector<float>& counts) {
    GgufWriter writer;
    writer.text("general.type", "imatrix");
    writer.tensor("w.in_sum2", {1, static_cast<int64_t>(sums.size())}, sums);
    writer.tensor("w.counts", {static_cast<int64_t>(counts.size()), 1}, counts);
    writer.save(path);
    const auto matrix = read_importance(path);
    return matrix ? std::string("accepted") : matrix.error().message();
  };
  EXPECT_EQ(refusal({1, 2}, {1}), "accepted");
  EXPECT_THAT(refusal({1, -2}, {1}), HasSubstr("holds -2 for w"));
  EXPECT_THAT(refusal({1, NAN}, {1}), HasSubstr("holds nan for w"));
  EXPECT_THAT(refusal({1, 2}, {-1}), HasSubstr("counts -1 rows of w"));
  EXPECT_THAT(refusal({1, 2}, {1, 1}), HasSubstr("has 2 counts for 1 matrices of w"));
}

}  // namespace
}  // namespace bp
