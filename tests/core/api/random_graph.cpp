#include "random_graph.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/session_state.h"
#include "graph/builder.h"
#include "graph/extent.h"

namespace bp {
namespace {

constexpr int64_t kWidth = kRandomWidth;

HostTensor constant(std::string name, DType dtype, std::vector<int64_t> dims, std::span<const std::byte> bytes) {
  HostTensor tensor = *api::SessionState::make_weight(bytes, std::move(dims), dtype, name).weight;
  return tensor;
}

class Numbers {
 public:
  explicit Numbers(unsigned seed) : random_(seed) {}

  std::vector<float> floats(int64_t n) {
    std::vector<float> out(static_cast<size_t>(n));
    for (float& value : out) value = 0.3f * normal_(random_);
    return out;
  }
  // The upper half of each float: bf16, rounded towards zero.
  std::vector<uint16_t> halves(int64_t n) {
    std::vector<uint16_t> out;
    for (const float value : floats(n)) out.push_back(static_cast<uint16_t>(std::bit_cast<uint32_t>(value) >> 16));
    return out;
  }
  std::vector<int8_t> bytes(int64_t n) {
    std::vector<int8_t> out(static_cast<size_t>(n));
    for (int8_t& value : out) value = static_cast<int8_t>(static_cast<int>(random_() % 255) - 127);
    return out;
  }

 private:
  std::mt19937 random_;
  std::normal_distribution<float> normal_;
};

class Maker {
 public:
  Maker(const RandomConstants& constants, unsigned seed, int64_t least, int64_t most)
      : constants_(constants), random_(seed), builder_("random") {
    n_ = Extent::dynamic(builder_.symbol("n", least, most));
    for (const char* name : {"a", "b", "unused"})
      rows_.push_back(builder_.input(name, DType::kF32, {n_, Extent::fixed(kWidth)}, Role::kActivation));
    rows_.pop_back();
    for (const HostTensor& vector : constants_.vectors) vectors_.push_back(builder_.weight(vector));
  }

  Result<RandomGraph> make() {
    const size_t n_nodes = 6 + below(18);
    while (builder_.graph().nodes.size() < n_nodes && !builder_.failed()) {
      const ValueId made = node();
      if (made != kNone) rows_.push_back(made);
    }
    add_outputs();
    BP_TRY(Graph graph, builder_.finish());
    return RandomGraph{std::move(graph), rounds_};
  }

 private:
  size_t below(size_t n) { return static_cast<size_t>(random_() % n); }
  bool once_in(size_t n) { return below(n) == 0; }
  ValueId op(const char* name, std::vector<ValueId> in, std::vector<Attr> attrs = {}) {
    return builder_.op(name, std::move(in), std::move(attrs));
  }
  // Either way round: what commutes is matched both ways.
  ValueId either(const char* name, ValueId a, ValueId b) { return once_in(2) ? op(name, {a, b}) : op(name, {b, a}); }
  ValueId any() { return rows_[below(rows_.size())]; }
  // Recent ones more often, so that there are chains.
  ValueId recent() { return rows_[rows_.size() - 1 - below(std::min<size_t>(rows_.size(), 3))]; }
  ValueId vector() { return vectors_[below(vectors_.size())]; }
  ValueId tame(ValueId x) { return op("clamp", {x}, {{"min", -3.0}, {"max", 3.0}}); }
  ValueId reshape(ValueId x, std::vector<Extent> dims) { return builder_.reshape(x, std::move(dims)); }

  // Few, so that products share them, and are shared themselves.
  ValueId matrix() {
    if (once_in(5) && !constants_.scaled.empty()) {
      const RandomConstants::Scaled& scaled = constants_.scaled[below(constants_.scaled.size())];
      const ValueId bytes = builder_.weight(scaled.bytes);
      return op("dequant", {bytes, builder_.weight(scaled.scales)}, {{"block_k", int64_t{8}}});
    }
    return builder_.weight(constants_.matrices[below(constants_.matrices.size())]);
  }
  ValueId product(ValueId x) { return op("matmul", {x, matrix()}); }

  ValueId unary(ValueId x) {
    constexpr const char* kOps[] = {"silu", "tanh", "sigmoid", "relu", "neg", "abs"};
    return op(kOps[below(std::size(kOps))], {x});
  }
  ValueId gelu(ValueId x) { return op("gelu", {x}, {{"tanh", static_cast<int64_t>(below(2))}}); }
  ValueId scaled(ValueId x) {
    constexpr double kNumbers[] = {0.0, -0.0, 1.0, 0.5, -2.0};
    return op("scale", {x},
              {{"mul", kNumbers[below(std::size(kNumbers))]}, {"add", kNumbers[below(std::size(kNumbers))]}});
  }
  ValueId norm(ValueId x) {
    const double eps = once_in(2) ? 1e-5 : 1e-6;
    return once_in(3) ? op("layer_norm", {x, vector(), once_in(3) ? kNone : vector()}, {{"eps", eps}})
                      : op("rms_norm", {x, vector()}, {{"eps", eps}});
  }
  // Constants of constants, also over several steps: of ops that the reference, which folds them, does to the same
  // bits.
  void more_constants() {
    const ValueId v = vector();
    switch (below(4)) {
      case 0:
        return vectors_.push_back(tame(either("add", v, vector())));
      case 1:
        return vectors_.push_back(scaled(v));
      case 2:
        return vectors_.push_back(
            reshape(op("neg", {reshape(v, {Extent::fixed(4), Extent::fixed(4)})}), {Extent::fixed(kWidth)}));
      default:
        return vectors_.push_back(op("abs", {v}));
    }
  }
  // q, k and v, or gate and up: products of one x, whose weights may be equal, of other dtypes, or with biases.
  ValueId products_of_one() {
    const ValueId x = recent();
    std::vector<ValueId> made;
    const size_t n = 2 + below(2);
    const size_t n_biased = once_in(2) ? n : below(n + 1);
    for (size_t i = 0; i < n; ++i) {
      ValueId y = product(x);
      if (once_in(6)) rows_.push_back(tame(y));
      if (i < n_biased) y = either("add", y, vector());
      made.push_back(y);
    }
    if (once_in(2)) return tame(either("mul", op("silu", {made[0]}), made[1]));
    ValueId all = made[0];
    for (size_t i = 1; i < n; ++i) all = either(once_in(2) ? "add" : "mul", all, made[i]);
    return tame(all);
  }
  // A residual stream, where what is added to is read again, or is not.
  ValueId residual() {
    const ValueId x = recent();
    const ValueId sum = either("add", x, once_in(2) ? product(norm(x)) : any());
    const ValueId y = norm(once_in(4) ? tame(sum) : sum);
    if (once_in(2)) rows_.push_back(tame(sum));
    return y;
  }
  ValueId views(ValueId x) {
    const Extent rest = Extent::fixed(kWidth);
    const Extent open{-1, kNone};
    switch (below(6)) {
      case 0:  // a slice of either half, and both again
      {
        const ValueId low = op("slice", {x}, {{"axis", int64_t{-1}}, {"length", kWidth / 2}});
        const ValueId high = op("slice", {x}, {{"axis", int64_t{1}}, {"start", kWidth / 2}, {"length", kWidth / 2}});
        return op("concat", {high, low}, {{"axis", int64_t{1}}});
      }
      case 1:
        return reshape(unary(reshape(x, {n_, Extent::fixed(4), Extent::fixed(4)})), {n_, rest});
      case 2:
        return reshape(scaled(reshape(x, {n_, Extent::fixed(2), Extent::fixed(8)})), {open, rest});
      case 3: {
        const ValueId turned = op("transpose", {x}, {{"perm", std::vector<int64_t>{1, 0}}});
        return op("transpose", {unary(turned)}, {{"perm", std::vector<int64_t>{1, 0}}});
      }
      case 4: {
        const ValueId wide = op("concat", {x, any()}, {{"axis", int64_t{-1}}});
        return op("slice", {wide},
                  {{"axis", int64_t{-1}}, {"start", static_cast<int64_t>(below(kWidth))}, {"length", kWidth}});
      }
      default:
        return either("add", x,
                      op("broadcast", {vector()}, {{"dims", std::vector<int64_t>{encode_extent(n_), kWidth}}}));
    }
  }
  ValueId rounded(ValueId x) {
    rounds_ = true;
    const std::vector<Attr> to_bf16 = {{"dtype", static_cast<int64_t>(DType::kBF16)}};
    const std::vector<Attr> to_f32 = {{"dtype", static_cast<int64_t>(DType::kF32)}};
    switch (below(4)) {
      case 0:
        return op("cast", {op("cast", {x}, to_bf16)}, to_f32);
      case 1:
        return op("cast", {op("cast", {op("add", {op("cast", {x}, to_bf16), any()})}, to_bf16)}, to_f32);
      case 2:
        return op("where", {op("lt", {x, any()}), any(), x});
      default: {
        const ValueId most = op("argmax", {x}, {{"keep", int64_t{1}}});
        return either("add", x, op("cast", {most}, {{"dtype", static_cast<int64_t>(DType::kF32)}}));
      }
    }
  }

  ValueId node() {
    switch (below(16)) {
      case 0:
        return tame(either("add", recent(), any()));
      case 1:
        return tame(either("mul", recent(), any()));
      case 2:
        return unary(recent());
      case 3:
        return gelu(either("add", product(recent()), vector()));
      case 4:
        return gelu(recent());
      case 5:
        return either("mul", once_in(2) ? gelu(recent()) : op("silu", {recent()}), tame(any()));
      case 6:
        return scaled(recent());
      case 7:
        return norm(recent());
      case 8:
        return residual();
      case 9:
      case 10:
        return products_of_one();
      case 11:
        return views(recent());
      case 12:
        more_constants();
        return kNone;
      case 13:
        return op("softmax", {recent()});
      case 14:
        return once_in(2) ? rounded(recent()) : tame(either("add", product(recent()), any()));
      default:
        return either("mul", recent(), op("reduce_mean", {tame(any())}, {{"keep", int64_t{1}}}));
    }
  }

  // The last, and some of any nodes: of those that are no views.
  void add_outputs() {
    const Graph& graph = builder_.graph();
    std::vector<ValueId> choice;
    for (size_t id = 0; id < graph.values.size(); ++id) {
      const NodeId producer = graph.values[id].producer;
      const bool dynamic = !std::ranges::all_of(graph.values[id].dims, &Extent::is_static);
      if (producer != kNone && !graph.node(producer).op->view && dynamic) choice.push_back(static_cast<ValueId>(id));
    }
    if (choice.empty()) choice.push_back(unary(rows_[0]));
    std::vector<ValueId> outputs = {choice.back()};
    for (size_t i = below(4); i-- > 0;) {
      const ValueId id = choice[below(choice.size())];
      if (std::ranges::find(outputs, id) == outputs.end()) outputs.push_back(id);
    }
    for (size_t i = 0; i < outputs.size(); ++i) builder_.output(outputs[i], fmt::format("out{}", i));
  }

  const RandomConstants& constants_;
  std::mt19937 random_;
  GraphBuilder builder_;
  Extent n_;
  std::vector<ValueId> rows_;     // f32 [n, kWidth]
  std::vector<ValueId> vectors_;  // f32 [kWidth], constant
  bool rounds_ = false;
};

}  // namespace

RandomConstants::RandomConstants(unsigned seed) {
  Numbers numbers(seed);
  for (int i = 0; i < 4; ++i) {
    const auto values = numbers.floats(kWidth * kWidth);
    matrices.push_back(
        constant(fmt::format("w{}", i), DType::kF32, {kWidth, kWidth}, std::as_bytes(std::span(values))));
  }
  for (int i = 0; i < 2; ++i) {
    const auto values = numbers.halves(kWidth * kWidth);
    matrices.push_back(
        constant(fmt::format("h{}", i), DType::kBF16, {kWidth, kWidth}, std::as_bytes(std::span(values))));
  }
  for (int i = 0; i < 3; ++i) {
    const auto bytes = numbers.bytes(kWidth * kWidth);
    const auto values = numbers.floats(kWidth * 2);
    std::vector<float> scales;
    for (const float value : values) scales.push_back(value / 64);
    scaled.push_back({constant(fmt::format("q{}", i), DType::kI8, {kWidth, kWidth}, std::as_bytes(std::span(bytes))),
                      constant(fmt::format("s{}", i), DType::kF32, {kWidth, 2}, std::as_bytes(std::span(scales)))});
  }
  for (int i = 0; i < 4; ++i) {
    const auto values = numbers.floats(kWidth);
    vectors.push_back(constant(fmt::format("v{}", i), DType::kF32, {kWidth}, std::as_bytes(std::span(values))));
  }
}

RandomConstants RandomConstants::plain() const {
  RandomConstants out = *this;
  std::erase_if(out.matrices, [](const HostTensor& tensor) { return tensor.dtype != DType::kF32; });
  out.scaled.clear();
  return out;
}

Result<RandomGraph> random_graph(const RandomConstants& constants, unsigned seed, int64_t least, int64_t most) {
  return Maker(constants, seed, least, most).make();
}

}  // namespace bp
