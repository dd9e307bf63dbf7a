#include "perf/forecast.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/mapped_file.h"
#include "perf/stand_in.h"
#include "quant/quant.h"

namespace bp {
namespace {

TEST(Forecast, IsTheShareOfTheLimit) {
  Workload work;
  work.weight_bytes = 1000;
  work.body_weights = 500;
  work.dtype = DType::kF32;
  const Calibration calibration{{1e6, {{DType::kF32, 1e9}}}, 0.8, 0.5};
  EXPECT_DOUBLE_EQ(calibration.decode_tps(work, 1, 0), 0.8 * 1000);
  EXPECT_DOUBLE_EQ(calibration.prefill_tps(work, 10, 0), 0.5 * 1e6);
}

class CalibrationFile : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "/calibration_test_" + std::to_string(::getpid());
    ASSERT_TRUE(keep_calibration(folder_, "k", {{2e10, {{DType::kI8, 3e11}, {DType::kF32, 1e11}}}, 0.7, 0.6}));
    text_ = *read_text_file(folder_ + "/k.json", 1 << 16);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  void write(const std::string& text) { std::ofstream(folder_ + "/k.json", std::ios::binary) << text; }
  std::string folder_, text_;
};

TEST_F(CalibrationFile, ReadsBackAsWritten) {
  const auto found = find_calibration(folder_, "k");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->limits.read_bytes_per_s, 2e10);
  EXPECT_EQ(found->limits.matrix_ops_per_s, (std::map<DType, double>{{DType::kI8, 3e11}, {DType::kF32, 1e11}}));
  EXPECT_EQ(found->decode_share, 0.7);
  EXPECT_EQ(found->prefill_share, 0.6);
  EXPECT_FALSE(find_calibration(folder_, "other"));
  EXPECT_FALSE(find_calibration("/no/such/folder", "k"));
}

TEST_F(CalibrationFile, ADamagedOneIsNotThere) {
  for (size_t n = 0; n < text_.size(); ++n) {
    write(text_.substr(0, n));
    EXPECT_FALSE(find_calibration(folder_, "k")) << n;
  }
  for (const auto& [from, to] : {std::pair{"0.7", "-1"}, std::pair{"0.7", "0"}, std::pair{"0.6", "\"x\""},
                                 std::pair{"i8", "zz"}, std::pair{"calibration 1", "calibration 0"}}) {
    std::string changed = text_;
    ASSERT_NE(changed.find(from), std::string::npos) << from;
    changed.replace(changed.find(from), std::string(from).size(), to);
    write(changed);
    EXPECT_FALSE(find_calibration(folder_, "k")) << from << " to " << to;
  }
}

TEST(StandIn, HoldsValuesOfTheType) {
  for (const DType dtype : {DType::kF32, DType::kBF16, DType::kQ8_0, DType::kQ4_K}) {
    std::vector<std::byte> own(*row_bytes(dtype, 512) * 700);
    const HostTensor tensor{"w", dtype, {700, 512}, own};
    const auto bytes = stand_in_bytes(tensor);
    ASSERT_EQ(bytes.size(), own.size()) << dtype_name(dtype);
    std::vector<float> row(512);
    decode_row(dtype, bytes.data() + 699 * *row_bytes(dtype, 512), row.data(), 512);
    double squares = 0;
    for (const float x : row) squares += static_cast<double>(x) * x;
    EXPECT_NEAR(squares, 1, 0.3) << dtype_name(dtype);  // N(0, 1 / 512)
  }
}

TEST(StandIn, LeavesIndicesAndWhatWasComputed) {
  std::vector<std::byte> own(64);
  EXPECT_TRUE(stand_in_bytes({"g_idx", DType::kI32, {16}, own}).empty());
  EXPECT_TRUE(stand_in_bytes({"rope", DType::kF32, {16}, own, std::make_shared<int>(0)}).empty());
  EXPECT_EQ(stand_in_bytes({"packed", DType::kU4, {128}, own}).size(), 64u);
}

TEST(StandIn, ReplacesPartsOfJoinedWeightsAndAWeightOnceForAllGraphs) {
  const std::vector<std::byte> q(*row_bytes(DType::kF32, 16) * 4), k(q);
  Graph joined;
  joined.host_tensors.push_back({"q+k", DType::kF32, {8, 16}, {}});
  joined.host_tensors[0].parts = {{"q", DType::kF32, {4, 16}, q}, {"k", DType::kF32, {4, 16}, k}};
  Graph apart;
  apart.host_tensors = joined.host_tensors[0].parts;
  StandIns stand_ins;
  stand_ins.replace(joined);
  stand_ins.replace(apart);
  const auto& parts = joined.host_tensors[0].parts;
  EXPECT_TRUE(joined.host_tensors[0].bytes.empty());
  EXPECT_NE(parts[0].bytes.data(), q.data());
  EXPECT_NE(parts[0].bytes.data(), parts[1].bytes.data());
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(parts[i].bytes.size(), q.size());
    EXPECT_NE(parts[i].owner, nullptr);
    EXPECT_EQ(parts[i].bytes.data(), apart.host_tensors[i].bytes.data());
  }
}

}  // namespace
}  // namespace bp
