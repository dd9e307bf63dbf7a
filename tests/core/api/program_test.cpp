// Functions compiled: buckets, several dynamic sizes, errors, and the same results as when they are called.
#include <backplane/backplane.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "expect_error.h"

namespace bp::api {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Tensor random_tensor(const Session& session, const std::vector<int64_t>& dims, bool weight = false, unsigned seed = 1) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  int64_t n = 1;
  Shape shape;
  for (const int64_t dim : dims) {
    n *= dim;
    shape.emplace_back(dim);
  }
  std::vector<float> values(static_cast<size_t>(n));
  for (float& value : values) value = normal(random);
  return weight ? session.weight(values, shape) : session.tensor(values, shape);
}

class ProgramOnDevice : public testing::TestWithParam<const char*> {
 protected:
  Session session_{DeviceOptions{.device = GetParam(), .op_fallback = Fallback::kAllow}};
};
INSTANTIATE_TEST_SUITE_P(Device, ProgramOnDevice, testing::Values("reference", "cpu:0"), [](const auto& entry) {
  return std::string(entry.param) == "reference" ? "reference" : "cpu";
});

TEST_P(ProgramOnDevice, AnySizeOfADynamicDimRuns) {
  const auto f = [](const Tensor& x) { return x * 2 + 1; };
  const Program program = compile(f, {TensorSpec{{dyn, 10}, f32}}, {.session = session_});
  EXPECT_TRUE(program.compiled_buckets().empty());
  for (const int64_t rows : {1, 3, 4, 100, 0, 4096, 3}) {
    const Tensor x = random_tensor(session_, {rows, 10});
    const Tensor y = program(x);
    EXPECT_EQ(y.shape(), x.shape());
    EXPECT_EQ(y.to_bytes(), f(x).to_bytes()) << rows;
  }
  EXPECT_THAT(program.compiled_buckets(),
              ElementsAre(ElementsAre(1), ElementsAre(4), ElementsAre(128), ElementsAre(4096)));
}

TEST_P(ProgramOnDevice, SeveralDimsAreDynamicAtOnce) {
  const auto f = [](const Tensor& x, const Tensor& y) {
    return std::vector<Tensor>{x * y + x, reduce_sum(y, true), reshape(x, {x.dim(1), x.dim(0)})};
  };
  const Program program =
      compile(f, {{{dyn("rows", 64), dyn("columns", 32)}}, {{dyn("rows"), dyn("columns")}}}, {.session = session_});
  for (const auto& [rows, columns] :
       std::vector<std::pair<int64_t, int64_t>>{{1, 1}, {5, 7}, {64, 32}, {33, 2}, {7, 0}}) {
    const Tensor x = random_tensor(session_, {rows, columns}, false, 1);
    const Tensor y = random_tensor(session_, {rows, columns}, false, 2);
    const auto got = program.run({x, y});
    const auto want = f(x, y);
    ASSERT_EQ(got.size(), 3u);
    for (size_t i = 0; i < 3; ++i) {
      EXPECT_EQ(got[i].type_text(), want[i].type_text());
      EXPECT_EQ(got[i].to_bytes(), want[i].to_bytes()) << i << " of " << rows << " x " << columns;
    }
  }
  EXPECT_EQ(program.compiled_buckets().size(), 5u);
}

TEST_P(ProgramOnDevice, SizesMayFollowFromOthers) {
  const auto f = [](const Tensor& x, const Tensor& starts) {
    const Tensor flat = reshape(x, {-1});
    const Tensor joined = concat({x, x, x}, 0);
    const Tensor halves = reshape(x, {x.dim(0) * 2, 3});
    return std::vector<Tensor>{flat * 2,
                               joined + 1,
                               slice(joined, 1, 2) + 0,
                               broadcast(slice(x, 0, 0, 0) * 1, {0, 6}),
                               reshape(halves, {-1, 2}) * 3,
                               op("segment_mean", {x, starts})[0]};
  };
  const Program program = compile(f, {{{dyn("rows", 32), 6}}, {{dyn("n_seqs", 8) + 1}, i32}}, {.session = session_});
  for (const int64_t rows : {1, 5, 32}) {
    const Tensor x = random_tensor(session_, {rows, 6});
    const Tensor starts = session_.tensor<int32_t>({0, 1, static_cast<int32_t>(rows)}, {3});
    const auto got = program.run({x, starts});
    const auto replayed = program.replay(session_, {x, starts});
    const auto want = f(x, starts);
    ASSERT_EQ(got.size(), want.size());
    for (size_t i = 0; i < want.size(); ++i) {
      EXPECT_EQ(got[i].type_text(), want[i].type_text()) << i;
      EXPECT_EQ(got[i].to_bytes(), want[i].to_bytes()) << i << " of " << rows;
      EXPECT_EQ(replayed[i].to_bytes(), want[i].to_bytes()) << i << " of " << rows;
    }
  }
  EXPECT_THAT(program.compiled_buckets(), ElementsAre(ElementsAre(1, 2), ElementsAre(8, 2), ElementsAre(32, 2)));
  EXPECT_ERROR(program.run({random_tensor(session_, {2, 6}), session_.tensor<int32_t>({}, {0})}), ErrorCode::kUsage,
               HasSubstr("has 0, which is not n_seqs + 1"));
  EXPECT_THAT(program.print(), HasSubstr("3 * rows"));
}

TEST_P(ProgramOnDevice, ConstantsAndPartsMayHaveDynamicSizes) {
  const Tensor row = random_tensor(session_, {3}, true);
  const auto f = [&](const Tensor& x, const Tensor& y) {
    return std::vector<Tensor>{broadcast(row, {x.dim(0), 3}),  // no operand is traced
                               slice(y, 0, 1) * 2,             // rows + 2 less 1
                               slice(transpose(y, {1, 0}), 1, 2) + 0,
                               reshape(reshape(x, {x.dim(0) * 2, 2}), {-1, 4}) * 2,  // 2 rows of 2 make one of 4
                               reshape(reshape(y, {-1}) + 1, {-1, 3}),               // 3 rows + 6 numbers
                               1 / x};
  };
  const Program program = compile(f, {{{dyn("rows", 9), 4}}, {{dyn("rows") + 2, 3}}}, {.session = session_});
  for (const int64_t rows : {0, 1, 9}) {
    const Tensor x = random_tensor(session_, {rows, 4});
    const Tensor y = random_tensor(session_, {rows + 2, 3});
    const auto got = program.run({x, y});
    const auto replayed = program.replay(session_, {x, y});
    const auto want = f(x, y);
    for (size_t i = 0; i < want.size(); ++i) {
      EXPECT_EQ(got[i].type_text(), want[i].type_text()) << i;
      EXPECT_EQ(got[i].to_bytes(), want[i].to_bytes()) << i << " of " << rows;
      EXPECT_EQ(replayed[i].to_bytes(), want[i].to_bytes()) << i << " of " << rows;
    }
  }
  // Of any size from 0 nothing is sure to be left.
  EXPECT_ERROR(compile([](const Tensor& x) { return slice(x, 0, 1); }, {{{dyn("n")}}}, {.session = session_}),
               ErrorCode::kFailed, HasSubstr("leaves axis 0 of x [n]"));
}

TEST_P(ProgramOnDevice, ARowReadForAllOthersIsNotWrittenOver) {
  const auto f = [](const Tensor& x) {
    const Tensor y = tanh(x);
    return slice(y, 0, 0, 1) + y;
  };
  const Program program = compile(f, {{{dyn("n") + 3, 8}}}, {.session = session_});
  const Tensor x = random_tensor(session_, {5, 8});
  EXPECT_EQ((program(x) + 0).to_bytes(), (f(x) + 0).to_bytes());
  const auto inside = [&](const Tensor& in) { return tanh(f(in)); };
  const Program used = compile(inside, {{{dyn("n") + 3, 8}}}, {.session = session_});
  EXPECT_EQ(used(x).to_bytes(), inside(x).to_bytes());
}

// The device keeps joined weights packed; two that begin alike are two.
TEST(Program, JoinedWeightsOfTwoProgramsAreToldApart) {
  const Session session({.device = "cpu:0"});
  const Tensor q = random_tensor(session, {64, 64}, true, 1);
  const Tensor k = random_tensor(session, {64, 64}, true, 2);
  const Tensor v = random_tensor(session, {64, 64}, true, 3);
  const Tensor x = random_tensor(session, {1, 64});
  for (const Tensor& other : {k, v, k}) {
    const auto f = [&](const Tensor& in) { return std::vector<Tensor>{matmul(in, q) + 0, matmul(in, other) + 0}; };
    const Program program = compile(f, {{{1, 64}}}, {.session = session});
    const auto got = program.run({x});
    const auto want = f(x);
    EXPECT_THAT(program.explain(), HasSubstr("[1, 128]"));  // they are joined
    for (size_t i = 0; i < want.size(); ++i) EXPECT_EQ(got[i].to_bytes(), want[i].to_bytes()) << i;
  }
}

TEST(Dim, SizesThatFollowAreWritten) {
  EXPECT_EQ((dyn("n") * 2 + 1).text(), "2 * n + 1");
  EXPECT_EQ(((dyn("n") + 1) * 2).text(), "2 * n + 2");
  EXPECT_EQ((dyn("n") * 3 + -1).text(), "3 * n - 1");
  EXPECT_EQ(Dim(3) * 2 + 1, Dim(7));
  EXPECT_FALSE(dyn("n") * 2 == dyn("n"));
  EXPECT_ERROR(dyn + 1, ErrorCode::kUsage, HasSubstr("has no name"));
  EXPECT_ERROR(dyn("n") * 0, ErrorCode::kUsage, HasSubstr("no size follows"));
  EXPECT_ERROR(Dim(int64_t{1} << 40) * (int64_t{1} << 40), ErrorCode::kUsage, HasSubstr("no size follows"));
}

// A block of a transformer without attention: what it computes must not depend on how it is run.
TEST_P(ProgramOnDevice, EagerAndCompiledGiveTheSameBits) {
  const Tensor norm = random_tensor(session_, {32}, true, 3);
  const Tensor up = random_tensor(session_, {64, 32}, true, 4);
  const Tensor gate = random_tensor(session_, {64, 32}, true, 5);
  const Tensor down = random_tensor(session_, {32, 64}, true, 6);
  const Tensor bias = random_tensor(session_, {32}, true, 7);
  const auto block = [&](const Tensor& x) {
    const Tensor h = rms_norm(x, norm);
    const Tensor y = matmul(silu(matmul(h, gate)) * matmul(h, up), down);
    return softmax(gelu(x + (y + bias)));
  };
  for (const bool optimize : {true, false}) {
    const Program program = compile(block, {{{dyn("n", 64), 32}}}, {.session = session_, .optimize = optimize});
    for (const int64_t n : {1, 2, 31, 33, 63}) {
      const Tensor x = random_tensor(session_, {n, 32}, false, 8);
      EXPECT_EQ(program(x).to_bytes(), block(x).to_bytes()) << n << (optimize ? " optimized" : "");
      EXPECT_EQ(program.replay(session_, {x})[0].to_bytes(), block(x).to_bytes()) << n;
    }
  }
}

TEST_P(ProgramOnDevice, ResultsMayBeInputsConstantsViewsAndTwins) {
  const Tensor c = session_.tensor<float>({7, 8}, {2});
  const auto f = [&](const Tensor& x, const Tensor& rows) {
    const Tensor y = x + 1;
    const Tensor filled = op("scatter_rows", {y * 1, rows, slice(x, 0, 0, 1)})[0];
    return std::vector<Tensor>{x, c, y, y, reshape(y, {-1}), reshape(x, {-1}), c * 2, filled, reshape(c, {2, 1})};
  };
  const Program program = compile(f, {{{2, 2}}, {{1}, i32}}, {.session = session_});
  const Tensor x = session_.tensor<float>({1, 2, 3, 4}, {2, 2});
  const Tensor rows = session_.tensor<int32_t>({1}, {1});
  const auto got = program.run({x, rows});
  const auto want = f(x, rows);
  ASSERT_EQ(got.size(), want.size());
  for (size_t i = 0; i < got.size(); ++i) {
    EXPECT_EQ(got[i].type_text(), want[i].type_text()) << i;
    EXPECT_EQ(got[i].to_floats(), want[i].to_floats()) << i;
  }
  const auto replayed = program.replay(session_, {x, rows});
  for (size_t i = 0; i < got.size(); ++i) EXPECT_EQ(replayed[i].to_floats(), want[i].to_floats()) << i;
}

TEST(Program, MatmulBiasGeluIsOneKernelOnTheCpu) {
  const Session session({.device = "cpu:0", .op_fallback = Fallback::kError});
  const Tensor w = random_tensor(session, {33, 48}, true, 1);
  const Tensor b = random_tensor(session, {33}, true, 2);
  for (const bool tanh : {false, true}) {
    const auto layer = [&](const Tensor& x) { return gelu(matmul(x, w) + b, tanh); };
    const Program program = compile(layer, {{{dyn("n", 40), 48}}}, {.session = session});
    const Tensor x = random_tensor(session, {17, 48}, false, 3);
    EXPECT_EQ(program(x).to_bytes(), layer(x).to_bytes());
    ASSERT_EQ(program.steps().size(), 1u);
    EXPECT_EQ(program.steps()[0].kernel, "cpu.matmul_bias_gelu");
    EXPECT_EQ(program.steps()[0].op, "matmul+add+gelu");
  }
}

TEST(Program, BucketsAreWhatTheOptionsSay) {
  const Session session({.device = "reference"});
  const auto f = [](const Tensor& x, const Tensor& y) { return std::vector<Tensor>{x + 1, y + 1}; };
  const Program program =
      compile(f, {{{dyn("a", 100)}}, {{dyn("b", 50)}}},
              {.session = session, .buckets = {10, 1000}, .buckets_of = {{"b", {7, -3, 20}}}, .max_programs = 2});
  const auto run = [&](int64_t a, int64_t b) {
    const auto results = program.run({random_tensor(session, {a}), random_tensor(session, {b})});
    EXPECT_EQ(results[0].n_elements(), a);
    EXPECT_EQ(results[1].n_elements(), b);
  };
  run(3, 7);
  EXPECT_THAT(program.compiled_buckets(), ElementsAre(ElementsAre(10, 7)));
  run(11, 8);
  EXPECT_THAT(program.compiled_buckets(), ElementsAre(ElementsAre(10, 7), ElementsAre(100, 20)));
  EXPECT_THAT(program.explain(), HasSubstr("a in 11..100, b in 8..20"));
  run(1, 1);
  run(100, 50);  // a third: the one unused for longest goes
  EXPECT_THAT(program.compiled_buckets(), ElementsAre(ElementsAre(10, 7), ElementsAre(100, 50)));
  const std::vector<TensorSpec> specs = {{{dyn("a")}}, {{dyn("b")}}};
  EXPECT_ERROR(compile(f, specs, {.session = session, .buckets_of = {{"c", {5}}}}), ErrorCode::kUsage,
               HasSubstr("buckets_of names c, which is no size of the function; use one of: a, b"));
  EXPECT_ERROR(compile(f, specs, {.session = session, .max_programs = 0}), ErrorCode::kUsage,
               HasSubstr("max_programs is below 1"));
}

TEST(Program, DeterministicRowsDoNotDependOnHowManyThereAre) {
  const Session session({.device = "cpu:0"});
  const Tensor w = random_tensor(session, {48, 64}, true, 1);
  const Program program = compile([&](const Tensor& x) { return matmul(x, w); }, {{{dyn("n", 256), 64}}},
                                  {.session = session, .deterministic = true});
  const Tensor many = random_tensor(session, {256, 64}, false, 2);
  const Tensor one = slice(many, 0, 5, 1);
  EXPECT_EQ(program(one).to_bytes(), slice(program(many), 0, 5, 1).to_bytes());
}

TEST(Program, WrongInputsAreRefusedBeforeAnythingRuns) {
  const Session session({.device = "reference"});
  const Program program =
      compile([](const Tensor& x, const Tensor& y) { return x + y; },
              {{{dyn("n", 8), 4}, f32, "x"}, {{dyn("n"), 4}, f32, "y"}}, {.session = session, .name = "sum"});
  const Tensor x = random_tensor(session, {2, 4});
  EXPECT_ERROR(program.run({x}), ErrorCode::kUsage, HasSubstr("sum: 1 inputs are given, it takes 2"));
  EXPECT_ERROR(program(x, random_tensor(session, {2, 5})), ErrorCode::kUsage,
               AllOf(HasSubstr("sum: input y"), HasSubstr("axis 1"), HasSubstr("f32[n, 4]")));
  EXPECT_ERROR(program(x, random_tensor(session, {3, 4})), ErrorCode::kUsage, HasSubstr("has 3 where n is 2 already"));
  EXPECT_ERROR(program(random_tensor(session, {9, 4}), x), ErrorCode::kUsage, HasSubstr("at most 8"));
  EXPECT_ERROR(program(x, random_tensor(session, {2})), ErrorCode::kUsage, HasSubstr("rank"));
  EXPECT_ERROR(program(x, session.tensor(std::vector<int32_t>(8), {2, 4})), ErrorCode::kUsage, HasSubstr("dtype"));
  EXPECT_ERROR(program(x, Tensor{}), ErrorCode::kUsage, HasSubstr("absent"));
  const Session other({.device = "reference"});
  EXPECT_ERROR(program(x, random_tensor(other, {2, 4})), ErrorCode::kUsage, HasSubstr("another session"));
  EXPECT_TRUE(program.compiled_buckets().empty());
  EXPECT_EQ(program(x, x).to_floats(), (x + x).to_floats());
}

TEST(Program, ErrorsOfTheFunctionComeFromCompile) {
  const Session session({.device = "reference"});
  const CompileOptions options{.session = session};
  const auto add = [](const Tensor& x, const Tensor& y) { return x + y; };
  EXPECT_ERROR(compile(add, {{{4}}}, options), ErrorCode::kUsage, HasSubstr("1 specs for a function of 2"));
  EXPECT_ERROR(compile(add, {{{4}}, {{5}}}, options), ErrorCode::kFailed, AllOf(HasSubstr("add"), HasSubstr("[4]")));
  EXPECT_ERROR(compile(add, {{{dyn("a")}}, {{dyn("b")}}}, options), ErrorCode::kFailed, HasSubstr("add"));
  EXPECT_ERROR(compile(add, {{{dyn("a", 4)}}, {{dyn("a", 5)}}}, options), ErrorCode::kUsage,
               HasSubstr("maxima 4 and 5"));
  EXPECT_ERROR(compile(add, {{{-4}}, {{4}}}, options), ErrorCode::kUsage, HasSubstr("no shape"));
  EXPECT_ERROR(compile(add, {{{32}, DType::kQ8_0}, {{32}}}, options), ErrorCode::kUsage, HasSubstr("weights"));
  EXPECT_ERROR(compile(add, {{{4}}, {{4}}}, {.session = session, .max_size = 0}), ErrorCode::kUsage,
               HasSubstr("max_size"));
  EXPECT_ERROR(compile([](const Tensor&) { return Tensor{}; }, {{{4}}}, options), ErrorCode::kUsage,
               HasSubstr("absent"));
  EXPECT_ERROR(compile([](const Tensor& x) { return x.session().scalar(x.to_floats()[0]); }, {{{4}}}, options),
               ErrorCode::kUsage, HasSubstr("no content while its function is traced"));
  EXPECT_ERROR(compile([](const Tensor& x) { return reshape(x, {dyn("m"), 2}); }, {{{4}}}, options), ErrorCode::kUsage,
               HasSubstr("m is no size of this function"));
  EXPECT_THROW(compile([](const Tensor& x) -> Tensor { throw std::runtime_error(x.type_text()); }, {{{4}}}, options),
               std::runtime_error);
}

TEST(Program, TensorsOfATraceEndWithIt) {
  const Session session({.device = "reference"});
  Tensor leaked;
  const Program program = compile(
      [&](const Tensor& x) {
        leaked = x;
        return x + 1;
      },
      {{{4}}}, {.session = session});
  EXPECT_ERROR(leaked + 1, ErrorCode::kUsage, HasSubstr("trace is over"));
  EXPECT_ERROR(program(leaked), ErrorCode::kUsage, HasSubstr("being traced"));
  EXPECT_ERROR(compile([&](const Tensor& x) { return x + leaked; }, {{{4}}}, {.session = session}), ErrorCode::kUsage,
               HasSubstr("another traced function"));
}

TEST(Program, RunsWhereItsConstantsAre) {
  const Session session({.device = "cpu:0"});
  const Tensor w = session.weight<float>({2, 3}, {2}, "factor");
  const Program program = compile([&](const Tensor& x) { return x * w; }, {{{dyn, 2}}});
  EXPECT_EQ(program.session(), session);
  EXPECT_THAT(program(session.tensor<float>({1, 1}, {1, 2})).to_floats(), ElementsAre(2, 3));
  EXPECT_THAT(program.print(),
              AllOf(HasSubstr("%factor"), HasSubstr("symbol d0 in 0..4096"), HasSubstr("output %out0")));
  // Without any, on the best device.
  EXPECT_EQ(compile([](const Tensor& x) { return x + 1; }, {{{2}}}).session().device(), "cpu:0");
}

TEST_P(ProgramOnDevice, ProfileSaysWhereTheTimeGoes) {
  const Tensor w = random_tensor(session_, {48, 64}, true, 1);
  const auto f = [&](const Tensor& x) {
    const Scope scope("mlp");
    return softmax(reshape(matmul(x, w), {x.dim(0), 2, 24}));
  };
  const Program program = compile(f, {{{dyn("n", 64), 64}}}, {.session = session_});
  const Tensor x = random_tensor(session_, {10, 64});
  const ProgramProfile profile = program.profile({x}, 3);
  ASSERT_EQ(profile.rows.size(), 2u);  // the view does no work
  EXPECT_EQ(profile.n_runs, 3);
  EXPECT_EQ(profile.rows[0].step.op, "matmul");
  EXPECT_EQ(profile.rows[0].step.scope, "mlp");
  EXPECT_EQ(profile.rows[0].flops, 2.0 * 10 * 48 * 64);
  EXPECT_EQ(profile.rows[1].step.op, "softmax");
  EXPECT_EQ(profile.rows[1].bytes, 2.0 * 10 * 48 * sizeof(float));
  EXPECT_LE(profile.rows[0].mean_us + profile.rows[1].mean_us, profile.run_us);
  EXPECT_LE(profile.rows[0].share + profile.rows[1].share, 1.0);
  EXPECT_THAT(profile.text(), AllOf(HasSubstr("3 runs"), HasSubstr("mlp softmax")));
  EXPECT_EQ(program(x).to_bytes(), f(x).to_bytes());
  EXPECT_ERROR(program.profile({x}, 0), ErrorCode::kUsage, HasSubstr("0 runs"));
  EXPECT_ERROR(program.profile({}), ErrorCode::kUsage, HasSubstr("0 inputs"));
}

TEST(Program, FunctionsOfManyTensorsTakeASpan) {
  const Session session({.device = "reference"});
  const auto sum = [](std::span<const Tensor> inputs) {
    Tensor total = inputs[0];
    for (const Tensor& input : inputs.subspan(1)) total = total + input;
    return total;
  };
  const Program program = compile(sum, std::vector<TensorSpec>(20, TensorSpec{{3}}), {.session = session});
  const Tensor one = session.tensor<float>({1, 2, 3}, {3});
  EXPECT_THAT(program.run(std::vector<Tensor>(20, one))[0].to_floats(), ElementsAre(20, 40, 60));
}

}  // namespace
}  // namespace bp::api
