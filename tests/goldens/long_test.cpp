// Two layers of each kind of attention over 4,096 tokens against the reference implementation: across windows and the
// limits of scaled rotations, whole, in chunks, token by token and batched (see tests/goldens/README.md).
#include <gtest/gtest.h>

#include <algorithm>
#include <string_view>

#include "golden_case.h"
#include "golden_run.h"

namespace bp {
namespace {

// Folders of long/ whose architecture is not there yet. A folder that opens is checked all the same.
constexpr std::string_view kPending[] = {
    "sinks_window_yarn",
};

constexpr GoldenWay kWays[] = {
    {"whole", 0, 4096, 1},       {"chunks_of_512", 512, 512, 1}, {"chunks_of_7", 7, 7, 1},
    {"token_by_token", 1, 1, 1}, {"batched", 200, 512, 2},
};

constexpr double kBound = 1e-3;  // of the logits' spread; all is in f32

void check(const std::string& name, bool reference, const GoldenWay& way) {
  const bool pending = std::ranges::find(kPending, name) != std::end(kPending);
  const auto folder = golden_long_data() / name;
  const auto model = Model::open(folder.string());
  if (!model && model.error().code == ErrorCode::kUnsupported && pending) GTEST_SKIP() << model.error().message();
  ASSERT_TRUE(model.has_value()) << model.error().message();
  const GoldenCase golden = read_golden_case(folder);
  if (pending && model->config().context < static_cast<int64_t>(golden.ids.size())) GTEST_SKIP() << "too long for it";
  for (const auto& device : golden_devices()) {
    if ((device == nullptr) != reference) continue;
    SCOPED_TRACE(name + " on " + device_name(device.get()) + ", " + way.name);
    check_golden(*model, golden, device.get(), way, kBound);
  }
}

class LongOnReference : public testing::TestWithParam<std::string> {};

TEST_P(LongOnReference, AgreesInChunks) { check(GetParam(), true, kWays[1]); }

INSTANTIATE_TEST_SUITE_P(Models, LongOnReference, testing::ValuesIn(golden_names(golden_long_data())),
                         [](const auto& param) { return param.param; });

class LongOnDevices : public testing::TestWithParam<std::tuple<std::string, GoldenWay>> {};

TEST_P(LongOnDevices, Agrees) { check(std::get<0>(GetParam()), false, std::get<1>(GetParam())); }

INSTANTIATE_TEST_SUITE_P(Models, LongOnDevices,
                         testing::Combine(testing::ValuesIn(golden_names(golden_long_data())),
                                          testing::ValuesIn(kWays)),
                         [](const auto& param) {
                           return std::get<0>(param.param) + "_" + std::get<1>(param.param).name;
                         });

}  // namespace
}  // namespace bp
