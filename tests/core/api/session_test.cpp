// Ops executed as they are called.
#include <backplane/backplane.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <mutex>
#include <thread>

#include "expect_error.h"

namespace bp::api {
namespace {

using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::HasSubstr;

std::vector<float> ramp(size_t n, float first = -1, float step = 0.125f) {
  std::vector<float> out(n);
  for (size_t i = 0; i < n; ++i) out[i] = first + step * static_cast<float>(i);
  return out;
}

class SessionOnDevice : public testing::TestWithParam<const char*> {
 protected:
  Session session_{DeviceOptions{.device = GetParam(), .op_fallback = Fallback::kAllow}};
};
INSTANTIATE_TEST_SUITE_P(Device, SessionOnDevice, testing::Values("reference", "cpu:0"), [](const auto& entry) {
  return std::string(entry.param) == "reference" ? "reference" : "cpu";
});

TEST_P(SessionOnDevice, OpsRunAsTheyAreCalled) {
  const Tensor x = session_.tensor<float>({1, 2, 3, 4, 5, 6}, {2, 3});
  EXPECT_EQ(session_.device(), GetParam());
  EXPECT_THAT((x * 2 + 1).to_vector<float>(), ElementsAre(3, 5, 7, 9, 11, 13));
  EXPECT_THAT((1 - x).to_vector<float>(), ElementsAre(0, -1, -2, -3, -4, -5));
  EXPECT_THAT((x / 2 - x).to_vector<float>(), ElementsAre(-0.5, -1, -1.5, -2, -2.5, -3));
  EXPECT_THAT((x * x).to_vector<float>(), ElementsAre(1, 4, 9, 16, 25, 36));
  EXPECT_THAT((-x / x).to_vector<float>(), ElementsAre(-1, -1, -1, -1, -1, -1));
  EXPECT_THAT(add(x, session_.tensor<float>({10, 20, 30}, {3})).to_vector<float>(),
              ElementsAre(11, 22, 33, 14, 25, 36));
  EXPECT_THAT(reduce_sum(x).to_vector<float>(), ElementsAre(6, 15));
  EXPECT_EQ(text(reduce_max(x, true).shape()), "[2, 1]");
  EXPECT_THAT(argmax(x).to_vector<int32_t>(), ElementsAre(2, 2));
  EXPECT_THAT(transpose(x, {1, 0}).to_vector<float>(), ElementsAre(1, 4, 2, 5, 3, 6));
  EXPECT_THAT(slice(x, 1, 1).to_vector<float>(), ElementsAre(2, 3, 5, 6));
  EXPECT_THAT(concat({x, x}, 0).to_vector<float>(), ElementsAre(1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6));
  EXPECT_EQ(reshape(x, {3, -1}).type_text(), "f32[3, 2]");
  EXPECT_THAT(cast(x, i32).to_vector<int32_t>(), ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_THAT(cast(x, f16).to_floats(), ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_THAT(where(less(x, session_.scalar(3)), x, session_.scalar(0)).to_floats(), ElementsAre(1, 2, 0, 0, 0, 0));
  EXPECT_THAT(gather_rows(x, session_.tensor<int32_t>({1, 0, 1}, {3})).to_floats(),
              ElementsAre(4, 5, 6, 1, 2, 3, 4, 5, 6));
}

TEST_P(SessionOnDevice, WeightsAreMultipliedAsTheDeviceLikesThem) {
  const Tensor x = session_.tensor<float>({1, 2, 3, 4}, {2, 2});
  const Tensor w = session_.weight<float>({1, 0, 0, 1, 1, 1}, {3, 2}, "w");
  EXPECT_THAT(matmul(x, w).to_vector<float>(), ElementsAre(1, 2, 3, 3, 4, 7));
  EXPECT_EQ(session_.last_kernel(), std::string(GetParam()) == "cpu:0" ? "cpu.matmul" : "reference");
  EXPECT_THAT(w.to_vector<float>(), ElementsAre(1, 0, 0, 1, 1, 1));
  // What is made of weights alone is one.
  EXPECT_THAT(matmul(x, transpose(session_.weight<float>({1, 0, 1, 0, 1, 1}, {2, 3}), {1, 0})).to_vector<float>(),
              ElementsAre(1, 2, 3, 3, 4, 7));
  EXPECT_EQ(session_.last_kernel(), std::string(GetParam()) == "cpu:0" ? "cpu.matmul" : "reference");
  const Tensor norm = rms_norm(x, session_.weight<float>({2, 2}, {2}), 0);
  EXPECT_NEAR(norm.to_vector<float>()[0], 2 / std::sqrt(2.5), 1e-5);
}

TEST_P(SessionOnDevice, AnyOpOfTheOpsetRunsByItsName) {
  const Tensor x = session_.tensor<float>({3, 1, 2}, {3});
  const auto top = op("topk", {x}, {{"k", 2}});
  ASSERT_EQ(top.size(), 2u);
  EXPECT_THAT(top[0].to_vector<float>(), ElementsAre(3, 2));
  EXPECT_THAT(top[1].to_vector<int32_t>(), ElementsAre(0, 2));
  EXPECT_THAT(topk(x, 1).second.to_vector<int32_t>(), ElementsAre(0));
  // An optional operand that is absent.
  EXPECT_THAT(op("rms_norm", {x, Tensor{}}, {{"eps", 0.0}})[0].to_floats()[0], testing::FloatNear(1.38873f, 1e-4f));
  EXPECT_EQ(op("broadcast", {x}, {{"dims", Shape{2, 3}}})[0].type_text(), "f32[2, 3]");
  EXPECT_EQ(op("cast", {x}, {{"dtype", bf16}})[0].type_text(), "bf16[3]");
}

TEST_P(SessionOnDevice, WhatAnOpUpdatesKeepsItsContentForOthers) {
  const Tensor target = session_.tensor<float>({1, 2, 3, 4}, {2, 2});
  const Tensor rows = session_.tensor<int32_t>({1}, {1});
  const Tensor updated = op("scatter_rows", {target, rows, session_.tensor<float>({8, 9}, {1, 2})})[0];
  EXPECT_THAT(updated.to_vector<float>(), ElementsAre(1, 2, 8, 9));
  EXPECT_THAT(target.to_vector<float>(), ElementsAre(1, 2, 3, 4));
}

TEST_P(SessionOnDevice, EmptyTensorsAndScalarsAreTensors) {
  const Tensor none = session_.tensor(std::vector<float>{}, {0, 5});
  EXPECT_EQ((none * 2).n_elements(), 0);
  EXPECT_EQ((none * 2).type_text(), "f32[0, 5]");
  EXPECT_THAT((session_.scalar(3) * 2).to_vector<float>(), ElementsAre(6));
  EXPECT_EQ(none.text().substr(0, 9), "f32[0, 5]");
}

TEST_P(SessionOnDevice, WeightsMayBeEmpty) {
  const Tensor x = session_.tensor<float>(ramp(6), {2, 3});
  EXPECT_EQ(matmul(x, session_.weight<float>({}, {0, 3})).type_text(), "f32[2, 0]");
  const Tensor none = session_.weight<float>({}, {0});
  EXPECT_EQ(rms_norm(session_.tensor<float>({}, {2, 0}), none).type_text(), "f32[2, 0]");
  EXPECT_THAT(matmul(session_.tensor<float>({}, {2, 0}), session_.weight<float>({}, {1, 0})).to_floats(),
              ElementsAre(0, 0));
}

TEST_P(SessionOnDevice, NumbersGoWithFloatsAndIntegers) {
  const Tensor i = session_.tensor<int32_t>({7, -7, 3}, {3});
  EXPECT_THAT((2 * i + 1).to_vector<int32_t>(), ElementsAre(15, -13, 7));
  EXPECT_THAT((10 - i).to_vector<int32_t>(), ElementsAre(3, 17, 7));
  EXPECT_THAT((i / 2 - 1).to_vector<int32_t>(), ElementsAre(2, -4, 0));
  EXPECT_THAT((21 / i).to_vector<int32_t>(), ElementsAre(3, -3, 7));
  const Tensor wide = session_.weight<int64_t>({int64_t{1} << 60}, {1});
  EXPECT_THAT((wide - 1).to_vector<int64_t>(), ElementsAre((int64_t{1} << 60) - 1));
  const Tensor x = session_.tensor<float>({2, -4}, {2});
  for (const DType dtype : {f32, f64, f16, bf16}) {
    EXPECT_THAT((1 / cast(x, dtype)).to_floats(), ElementsAre(0.5, -0.25)) << name_of(dtype);
    EXPECT_EQ((1 / cast(x, dtype)).dtype(), dtype);
  }
  EXPECT_ERROR(i * 2.5, ErrorCode::kUsage, HasSubstr("tensor i32[3]: is not computed with 2.5"));
  EXPECT_ERROR(i + 3e9, ErrorCode::kUsage, HasSubstr("3000000000"));
  EXPECT_ERROR(Tensor() + 1, ErrorCode::kUsage, HasSubstr("is absent"));
}

TEST_P(SessionOnDevice, ValuesAreListedAsTheyAre) {
  const Tensor truth = session_.tensor({true, false, true}, {3});
  EXPECT_THAT(session_.weight({true, false, true}, {3}).to_floats(), ElementsAreArray(truth.to_floats()));
  EXPECT_EQ(truth.type_text(), "bool[3]");
  const Tensor a = session_.tensor({1.5f, 2.5f, 3.5f}, {3});
  EXPECT_THAT(where(truth, a, session_.weight({0.0f}, {1})).to_vector<float>(), ElementsAre(1.5f, 0, 3.5f));
  EXPECT_EQ(session_.tensor({1, 2}, {2}).dtype(), i32);
}

TEST_P(SessionOnDevice, GeluOfInfinityIsInfinity) {
  const Tensor x = session_.tensor({INFINITY, 100.0f, 3e38f, -100.0f}, {4});
  for (const bool tanh_approximation : {false, true})
    EXPECT_THAT(gelu(x, tanh_approximation).to_vector<float>(), ElementsAre(INFINITY, 100.0f, 3e38f, 0.0f));
}

TEST_P(SessionOnDevice, AStepBeyondTheEndLeavesTheFirst) {
  const Tensor x = session_.tensor<int32_t>({7, 8, 9}, {3});
  const auto sliced = [&](int64_t start) {
    return op("slice", {x}, {{"axis", 0}, {"start", start}, {"step", INT64_MAX}})[0].to_vector<int32_t>();
  };
  EXPECT_THAT(sliced(0), ElementsAre(7));
  EXPECT_THAT(sliced(2), ElementsAre(9));
  EXPECT_TRUE(sliced(3).empty());
}

TEST_P(SessionOnDevice, SameOpOnNewTensorsGivesNewResults) {
  // The second call reuses what the first compiled; its result must be its own.
  const Tensor first = exp(session_.tensor<float>({0, 0}, {2}));
  const Tensor second = exp(session_.tensor<float>({1, 1}, {2}));
  EXPECT_THAT(first.to_vector<float>(), ElementsAre(1, 1));
  EXPECT_NEAR(second.to_vector<float>()[1], 2.71828f, 1e-4);
  // Other attributes and other weights are other programs.
  const Tensor x = session_.tensor<float>({1, 1}, {1, 2});
  EXPECT_THAT(clamp(x, 2, 3).to_floats(), ElementsAre(2, 2));
  EXPECT_THAT(clamp(x, -1, 0).to_floats(), ElementsAre(0, 0));
  for (const float value : {1.0f, 2.0f})
    EXPECT_THAT(matmul(x, session_.weight<float>({value, value}, {1, 2})).to_floats(), ElementsAre(2 * value));
}

TEST(Session, ErrorsNameTheOpAndItsShapes) {
  const Session session({.device = "reference"});
  const Tensor a = session.tensor(ramp(6), {2, 3});
  const Tensor b = session.tensor(ramp(8), {2, 4});
  EXPECT_ERROR(a + b, ErrorCode::kFailed, AllOf(HasSubstr("reference: add"), HasSubstr("[2, 3]"), HasSubstr("[2, 4]")));
  {
    const Scope layer("blk.0");
    const Scope part("attn");
    EXPECT_ERROR(matmul(a, b), ErrorCode::kFailed, HasSubstr("reference: blk.0.attn matmul"));
  }
  EXPECT_ERROR(op("conv3d", {a}), ErrorCode::kUnsupported, HasSubstr("docs/opset.md"));
  EXPECT_ERROR(op("neg", {}), ErrorCode::kUsage, HasSubstr("no operand"));
  EXPECT_ERROR(op("neg", {Tensor{}}), ErrorCode::kUsage, HasSubstr("no operand"));
  EXPECT_ERROR(op("neg", {a, a}), ErrorCode::kFailed, HasSubstr("too many"));
  EXPECT_ERROR(op("scale", {a}), ErrorCode::kFailed, HasSubstr("mul"));
  EXPECT_ERROR(op("scale", {a}, {{"mul", 2.0}, {"factor", 2.0}}), ErrorCode::kFailed, HasSubstr("factor"));
  EXPECT_ERROR(reshape(a, {4, 2}), ErrorCode::kFailed, HasSubstr("reshape"));
  EXPECT_ERROR(reshape(a, {-2, 2}), ErrorCode::kUsage, HasSubstr("-2 is no size"));
  EXPECT_ERROR(reshape(a, {dyn("n"), 2}), ErrorCode::kUsage, HasSubstr("traced function"));
  EXPECT_ERROR(silu(session.tensor<int32_t>({1}, {1})), ErrorCode::kFailed, HasSubstr("i32"));
}

TEST(Session, ErrorsOfTensorsSayWhatTheyAre) {
  const Session session({.device = "reference"});
  const Tensor x = session.tensor(ramp(6), {2, 3});
  EXPECT_ERROR(session.tensor(ramp(5), {2, 3}), ErrorCode::kUsage,
               AllOf(HasSubstr("f32[2, 3] needs 24 bytes"), HasSubstr("20")));
  EXPECT_ERROR(session.tensor(ramp(5), {dyn, 3}), ErrorCode::kUsage, HasSubstr("no shape of numbers"));
  EXPECT_ERROR(session.tensor(ramp(6), {-2, -3}), ErrorCode::kUsage, HasSubstr("no shape of numbers"));
  EXPECT_ERROR(session.tensor(ramp(1), {1, 1, 1, 1, 1, 1, 1}), ErrorCode::kUsage, HasSubstr("7 dims"));
  EXPECT_ERROR(session.tensor({}, {int64_t{1} << 40, int64_t{1} << 40}, f32), ErrorCode::kUsage,
               HasSubstr("too large"));
  EXPECT_ERROR(session.tensor({}, {0, 32}, DType::kQ8_0), ErrorCode::kUsage, HasSubstr("weight()"));
  EXPECT_ERROR(session.tensor({}, {0}, static_cast<DType>(77)), ErrorCode::kUsage, HasSubstr("77"));
  EXPECT_ERROR(session.weight({}, {1, 33}, DType::kQ8_0), ErrorCode::kUsage, HasSubstr("q8_0"));
  EXPECT_ERROR(x.to_vector<int32_t>(), ErrorCode::kUsage, HasSubstr("f32[2, 3]"));
  EXPECT_ERROR(x.dim(2), ErrorCode::kUsage, HasSubstr("axis 2"));
  EXPECT_ERROR(Tensor().dtype(), ErrorCode::kUsage, HasSubstr("absent"));
  EXPECT_EQ(x.dim(-1), Dim(3));
}

TEST(Session, TensorsOfAnotherSessionAreMovedOrRefused) {
  const Session reference({.device = "reference"});
  const Session cpu({.device = "cpu:0"});
  const Tensor a = reference.tensor<float>({1, 2}, {2});
  const Tensor b = cpu.tensor<float>({3, 4}, {2});
  EXPECT_ERROR(a + b, ErrorCode::kUsage, AllOf(HasSubstr("cpu:0"), HasSubstr("Session::take()")));
  EXPECT_THAT((cpu.take(a) + b).to_vector<float>(), ElementsAre(4, 6));
  EXPECT_EQ(cpu.take(b).state(), b.state());
  // Weights are on the host: every session can use them.
  EXPECT_THAT((b * reference.weight<float>({10, 20}, {2})).to_vector<float>(), ElementsAre(30, 80));
  EXPECT_EQ((b * b).session(), cpu);
}

TEST(Session, DevicesAreListedAndMissingOnesNamed) {
  const auto found = devices();
  EXPECT_THAT(found, testing::Contains(testing::Field(&DeviceInfo::id, "cpu:0")));
  EXPECT_ERROR(Session({.device = "tpu:7"}), ErrorCode::kDevice, HasSubstr("tpu:7"));
  EXPECT_EQ(Session().device(), "cpu:0");  // auto: the only one of this build
}

TEST(Session, PluginsOfOneProcessAreFoundOneWayAtATime) {
  {
    const Session two({.device = "cpu:0", .plugin_options = {{"cpu.threads", "2"}}});
    EXPECT_ERROR(Session({.device = "cpu:0", .plugin_options = {{"cpu.threads", "1"}}}), ErrorCode::kUsage,
                 HasSubstr("plugin_options"));
    EXPECT_EQ(Session({.device = "cpu:0"}).device(), "cpu:0");  // shares the open device
    EXPECT_EQ(Session({.device = "reference", .plugin_dirs = {"/nowhere"}}).device(), "reference");
  }
  const Session one({.device = "cpu:0", .plugin_options = {{"cpu.threads", "1"}}});
  EXPECT_THAT((one.scalar(1) + 1).to_floats(), ElementsAre(2));
}

TEST(Session, SessionsOfSeveralThreadsShareTheDevice) {
  const auto work = [](float start) {
    const Session session({.device = "cpu:0"});
    Tensor x = session.tensor(std::vector<float>(64, start), {64});
    for (int i = 0; i < 20; ++i) x = x + 1;
    EXPECT_THAT(x.to_vector<float>(), testing::Each(start + 20));
  };
  std::vector<std::jthread> threads;
  for (const float start : {0.0f, 100.0f, 200.0f}) threads.emplace_back(work, start);
}

TEST_P(SessionOnDevice, TensorsArePiecesOfSlabsAndGoBackWhenTheyEnd) {
  Tensor x = session_.tensor(ramp(1000), {10, 100});
  x = x * 2 + 1;  // the places of these calls stay
  const SessionMemory before = session_.memory();
  EXPECT_EQ(before.n_slabs, 1);
  {
    std::vector<Tensor> kept;
    for (int i = 0; i < 50; ++i) kept.push_back(x * 2 + 1);
    EXPECT_EQ(session_.memory().used_bytes, before.used_bytes + 50 * 4096);  // of 4,000 bytes each
    EXPECT_EQ(session_.memory().n_slabs, 1);
    EXPECT_EQ(kept[0].to_floats(), kept[49].to_floats());
    EXPECT_EQ(kept[0].to_floats(), (x * 2 + 1).to_floats());
  }
  EXPECT_EQ(session_.memory().used_bytes, before.used_bytes);
  EXPECT_EQ(session_.memory().slab_bytes, before.slab_bytes);
}

// Results of one thread's session end on others, while it goes on.
TEST(Session, TensorsMayEndOnAnyThread) {
  const Session session(DeviceOptions{.device = "cpu:0"});
  const Tensor x = session.tensor(ramp(64), {64});
  const std::vector<float> wanted = (x * 2).to_floats();
  const uint64_t used = session.memory().used_bytes;
  std::mutex mutex;
  std::vector<Tensor> shared;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 3; ++t) {
      threads.emplace_back([&](const std::stop_token& stop) {
        while (!stop.stop_requested()) {
          std::vector<Tensor> taken;
          {
            const std::scoped_lock lock(mutex);
            std::swap(taken, shared);
          }
          taken.clear();
          std::this_thread::yield();
        }
      });
    }
    for (int i = 0; i < 500; ++i) {
      Tensor y = x * 2;
      if (i % 50 == 0) {
        EXPECT_EQ(y.to_floats(), wanted);
      }
      const std::scoped_lock lock(mutex);
      shared.push_back(std::move(y));
    }
  }
  shared.clear();
  EXPECT_EQ(session.memory().used_bytes, used);
}

TEST(Session, FallbackIsTheUsersChoice) {
  // No kernel multiplies by what is no weight.
  const auto multiply = [](Fallback fallback) {
    const Session session({.device = "cpu:0", .op_fallback = fallback});
    const Tensor x = session.tensor<float>({1, 2, 3, 4}, {2, 2});
    return matmul(x, x).to_vector<float>();
  };
  EXPECT_THAT(multiply(Fallback::kAllow), ElementsAre(5, 11, 11, 25));
  EXPECT_ERROR(multiply(Fallback::kError), ErrorCode::kFailed,
               AllOf(HasSubstr("cpu:0: matmul"), HasSubstr("no kernel")));
}

TEST(Session, TensorsOutliveTheirSession) {
  Tensor x;
  {
    const Session session({.device = "cpu:0"});
    x = session.tensor<float>({1, 2}, {2}) * 3;
  }
  EXPECT_THAT((x + 1).to_vector<float>(), ElementsAre(4, 7));
}

}  // namespace
}  // namespace bp::api
