#include "pattern_maker.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "quant/quant.h"

namespace bp::conformance {
namespace {

constexpr int64_t kMaxRows = 257;

// "[T, H, D]" -> "T", "H", "D"; nothing where the text has no brackets.
std::vector<std::string> tokens_of(std::string_view shape, size_t alternative) {
  std::vector<std::string_view> alternatives;
  for (size_t at = shape.find('['); at != std::string_view::npos; at = shape.find('[', at + 1)) {
    const size_t end = shape.find(']', at);
    if (end == std::string_view::npos) break;
    alternatives.push_back(shape.substr(at + 1, end - at - 1));
  }
  std::vector<std::string> tokens;
  if (alternatives.empty()) return tokens;
  const std::string_view text = alternatives[alternative % alternatives.size()];
  std::string token;
  for (const char c : text) {
    if (c == ',') {
      tokens.push_back(token);
      token.clear();
    } else if (c != ' ') {
      token += c;
    }
  }
  if (!token.empty()) tokens.push_back(token);
  return tokens;
}

bool is_name(const std::string& token) {
  return !token.empty() && token != ".." && token.find_first_of("+*/") == std::string::npos &&
         (token[0] < '0' || token[0] > '9');
}

std::optional<int64_t> number_of(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool is_product(const OpDef& op) { return op.name.starts_with("matmul"); }

}  // namespace

bool PatternMaker::make() {
  results_.resize(maker_.pattern_.ops().size());
  for (size_t i = 0; i < results_.size(); ++i) {
    if (!make_op(i)) return false;
  }
  for (const int output : maker_.pattern_.outputs()) {
    for (const ValueId result : results_[static_cast<size_t>(output)]) problem_.output(result);
  }
  set_tolerance();
  for (const int64_t size : {0, 1, 3, 31, 33, 64, 257}) {
    if (size >= choice_.least) problem_.runs.push_back({{"n", size}});
  }
  return !problem_.builder().failed();
}

ValueId PatternMaker::resolved(const Pattern::Ref& ref) const {
  if (ref.op >= 0) {
    const auto& results = results_[static_cast<size_t>(ref.op)];
    return static_cast<size_t>(ref.result) < results.size() ? results[static_cast<size_t>(ref.result)] : kNone;
  }
  const auto found = variables_.find(static_cast<size_t>(ref.slot));
  return found == variables_.end() ? kNone : found->second;
}

bool PatternMaker::make_op(size_t at) {
  const Pattern::Op& op = maker_.pattern_.ops()[at];
  const OpDef& def = *op.op;
  const auto def_of = [&](size_t i) -> const OperandDef& { return def.operands[std::min(i, def.operands.size() - 1)]; };
  names_.clear();
  rest_.clear();
  has_rest_ = false;
  like_.clear();
  like_dtype_ = DType::kInvalid;
  const Graph& graph = problem_.builder().graph();
  for (size_t i = 0; i < op.operands.size(); ++i) {
    const ValueId known = resolved(op.operands[i]);
    if (known == kNone) continue;
    const Value& value = graph.value(known);
    bind(def_of(i).shape, value.dims);
    if (like_.empty()) {
      like_ = value.dims;
      like_dtype_ = value.dtype;
    }
  }
  for (const AttrDef& attr : def.attrs) {
    Attr wanted;
    if (attr.kind == AttrKind::kInt && given(def.name, attr.key, wanted, attr.kind))
      names_[std::string(attr.key)] = Extent::fixed(std::get<int64_t>(wanted.value));
  }
  std::vector<ValueId> operands;
  for (size_t i = 0; i < op.operands.size(); ++i) {
    ValueId value = resolved(op.operands[i]);
    const bool is_variable = op.operands[i].slot >= 0 && op.operands[i].op < 0;
    if (value == kNone && is_variable && !variables_.contains(static_cast<size_t>(op.operands[i].slot))) {
      value = make_operand(def, def_of(i), static_cast<size_t>(op.operands[i].slot));
      variables_[static_cast<size_t>(op.operands[i].slot)] = value;
      if (problem_.builder().failed()) return false;
      if (value != kNone && like_.empty()) {
        like_ = graph.value(value).dims;
        like_dtype_ = graph.value(value).dtype;
      }
    }
    operands.push_back(value);
  }
  while (!operands.empty() && operands.back() == kNone) operands.pop_back();
  if (operands.empty()) return false;
  if (is_product(def) && operands.size() > 1 && operands[1] != kNone) {
    ValueId w = operands[1];  // as it is stored, before a dequant or reshape
    while (graph.value(w).producer != kNone) w = graph.node(graph.value(w).producer).in[0];
    product_dtype_ = graph.value(w).dtype;
  }
  if (def.name == "kv_write") written_dtype_ = graph.value(operands[0]).dtype;
  if (def.name.starts_with("attention")) kv_dtype_ = graph.value(operands[1]).dtype;
  problem_.builder().op(def.full_name(), operands, attrs_of(at));
  if (problem_.builder().failed()) return false;
  results_[at] = problem_.builder().results();
  return true;
}

void PatternMaker::bind(std::string_view shape, const Dims& dims) {
  for (size_t alternative = 0; alternative < 2; ++alternative) {
    const auto tokens = tokens_of(shape, alternative);
    const auto dots = std::ranges::find(tokens, "..");
    const size_t n_named = tokens.size() - (dots == tokens.end() ? 0 : 1);
    if (tokens.empty() || (dots == tokens.end() ? dims.size() != n_named : dims.size() < n_named)) continue;
    const auto before = static_cast<size_t>(dots - tokens.begin());
    for (size_t i = 0; i < before; ++i) {
      if (is_name(tokens[i])) names_.emplace(tokens[i], dims[i]);
    }
    if (dots == tokens.end()) return;
    const size_t after = n_named - before;
    for (size_t i = 0; i < after; ++i) {
      const std::string& token = tokens[tokens.size() - after + i];
      if (is_name(token)) names_.emplace(token, dims[dims.size() - after + i]);
    }
    if (!has_rest_) rest_.assign(dims.begin() + static_cast<int64_t>(before), dims.end() - static_cast<int64_t>(after));
    has_rest_ = true;
    return;
  }
}

Extent PatternMaker::rows() { return problem_.symbol("n", kMaxRows, choice_.least); }

// Sizes of names that nothing else decides.
Extent PatternMaker::fallback(std::string_view op, const std::string& name) {
  const bool heads = op == "rope" || op == "kv_write" || op == "kv_gather" || op.starts_with("attention");
  const bool paged = op == "attention" || op == "kv_write" || op == "kv_gather";
  if (name == "T" || name == "n") return rows();
  if (name == "R" && op == "matmul_grouped") return rows();
  if (name == "C" && op == "attention_ragged") return rows();
  const std::map<std::string_view, int64_t> sizes = {{"R", 50},
                                                     {"S", 4},
                                                     {"P", 24},
                                                     {"page", 16},
                                                     {"max_pages", 6},
                                                     {"Hk", 2},
                                                     {"E", 5},
                                                     {"k", 3},
                                                     {"B", 4},
                                                     {"C", 80},
                                                     {"M", 80},
                                                     {"V", op == "sample" ? 100 : 2},
                                                     {"n_rot", choice_.width},
                                                     {"block_n", 1},
                                                     {"block_k", 32},
                                                     {"n_experts", 5}};
  if (name == "H" && (heads || paged)) return Extent::fixed(4);
  const auto found = sizes.find(name);
  return Extent::fixed(found == sizes.end() ? choice_.width : found->second);
}

Extent PatternMaker::extent_of(std::string_view op, std::string token) {
  if (const auto number = number_of(token)) return Extent::fixed(*number);
  const size_t operation = token.find_first_of("+*/");
  if (operation == std::string::npos) {
    const auto [at, is_new] = names_.emplace(token, Extent{});
    if (is_new) at->second = fallback(op, token);
    return at->second;
  }
  const Extent a = extent_of(op, token.substr(0, operation)), b = extent_of(op, token.substr(operation + 1));
  if (!b.is_static()) return a;
  if (!a.is_static()) {  // "T*k"
    return token[operation] == '*' ? problem_.symbol_times("n_" + std::to_string(b.value), "n", b.value) : a;
  }
  if (token[operation] == '+') return Extent::fixed(a.value + b.value);
  if (token[operation] == '*') return Extent::fixed(a.value * b.value);
  return Extent::fixed(b.value == 0 ? 0 : (a.value + b.value - 1) / b.value);
}

PatternMaker::Dims PatternMaker::any_dims(std::string_view) const {
  if (like_.empty()) return {};
  return choice_.trailing ? Dims{like_.back()} : like_;
}

PatternMaker::Dims PatternMaker::dims_of(std::string_view op, const OperandDef& operand) {
  const auto tokens = tokens_of(operand.shape, choice_.alternative);
  Dims plain = {rows()};
  if (choice_.rank == 3) plain.push_back(Extent::fixed(2));
  if (tokens.empty()) {
    if (!like_.empty()) return any_dims(op);
    if (choice_.rank > 1) plain.push_back(Extent::fixed(choice_.width));
    return plain;
  }
  Dims dims;
  for (const std::string& token : tokens) {
    if (token != "..") {
      dims.push_back(extent_of(op, token));
      continue;
    }
    if (!has_rest_) {
      has_rest_ = true;
      rest_ = tokens.size() == 1 ? plain : choice_.rank == 1 ? Dims{} : plain;
      if (tokens.size() == 1 && choice_.rank > 1) rest_.push_back(Extent::fixed(choice_.width));
      if (tokens.front() != "..") rest_ = {Extent::fixed(choice_.width)};  // "[R, ..]"
    }
    dims.insert(dims.end(), rest_.begin(), rest_.end());
  }
  return dims;
}

DType PatternMaker::dtype_of(const OperandDef& operand, const std::string& slot) const {
  const auto listed = maker_.dtypes_.find(slot);
  if (listed != maker_.dtypes_.end() && !listed->second.empty())
    return listed->second[choice_.dtype % listed->second.size()];
  switch (operand.type) {
    case TypeRule::kI32:
      return DType::kI32;
    case TypeRule::kI64:
      return DType::kI64;
    case TypeRule::kBool:
      return DType::kBool;
    case TypeRule::kFloat:
    case TypeRule::kNumber:
      return is_float(like_dtype_) || operand.type == TypeRule::kNumber
                 ? (like_dtype_ == DType::kInvalid ? DType::kF32 : like_dtype_)
                 : DType::kF32;
    default:
      return DType::kF32;
  }
}

ValueId PatternMaker::make_operand(const OpDef& op, const OperandDef& operand, size_t slot) {
  const std::string slot_name = maker_.pattern_.slot_names()[slot];
  if (maker_.pattern_.is_optional(slot)) {
    const auto asked = maker_.has_.find(slot_name);
    const bool there =
        asked == maker_.has_.end() ? choice_.optional && !operand.name.ends_with("scales") : asked->second;
    if (!there) return kNone;
  }
  const Dims dims = dims_of(op.name, operand);
  if (dims.empty() || dims.size() > kMaxRank) return kNone;
  bind(operand.shape, dims);
  const DType dtype = dtype_of(operand, slot_name);
  const bool is_static = std::ranges::all_of(dims, &Extent::is_static);
  std::vector<int64_t> sizes;
  for (const Extent& dim : dims) sizes.push_back(dim.value);
  const bool of_cache = operand.name.ends_with("scales") && op.name != "dequant";
  const bool cache =
      operand.type == TypeRule::kKv || of_cache || (op.name == "scatter_rows" && operand.name == "target");
  if (cache && is_static) return problem_.kv(slot_name, dtype, sizes);
  auto fill = operand_fill(problem_.graph(), {op.name, operand.name}, dtype, dims);
  const bool weight = is_static && (operand.type == TypeRule::kDecodable || operand.type == TypeRule::kScale ||
                                    operand.name == "table" || operand.name == "w" || operand.name == "b");
  if (weight && !(is_integer(dtype) || dtype == DType::kU4 || dtype == DType::kI4)) {
    if (!row_bytes(dtype, static_cast<uint64_t>(sizes.back())).has_value()) return kNone;
    return problem_.weight(slot_name, dtype, sizes, 0.1f);
  }
  if (weight && operand.type == TypeRule::kDecodable) return problem_.any_bits(slot_name, dtype, sizes);
  if (fill) return problem_.param(slot_name, dtype, dims, std::move(fill));
  if (dtype != DType::kF32 && dtype != DType::kF16 && dtype != DType::kBF16) return kNone;
  return problem_.activation(slot_name, dims, 1, dtype);
}

// The first value that the guard lists.
bool PatternMaker::given(std::string_view op, std::string_view key, Attr& attr, AttrKind kind) const {
  const auto found = maker_.attrs_.find(std::string(op) + "." + std::string(key));
  if (found == maker_.attrs_.end() || found->second.empty()) return false;
  const std::string& text = found->second[choice_.dtype % found->second.size()];
  attr.key = key;
  if (kind == AttrKind::kString) {
    attr.value = text;
    return true;
  }
  if (const auto dtype = parse_dtype(text)) {
    attr.value = static_cast<int64_t>(*dtype);
    return true;
  }
  if (const auto number = number_of(text)) {
    attr.value = *number;
    return true;
  }
  return false;
}

// [N, K] as the stack of matrices that its reader wants; else as it is.
std::vector<int64_t> PatternMaker::reshape_dims(size_t at) const {
  for (const Pattern::Op& reader : maker_.pattern_.ops()) {
    for (size_t i = 0; i < reader.operands.size() && i < reader.op->operands.size(); ++i) {
      if (reader.operands[i].op != static_cast<int>(at)) continue;
      const size_t rank = tokens_of(reader.op->operands[i].shape, choice_.alternative).size();
      if (rank == 3 && like_.size() == 2 && like_[0].is_static())
        return {4, like_[0].value / 4, encode_extent(like_[1])};
    }
  }
  std::vector<int64_t> dims;
  for (const Extent& dim : like_) dims.push_back(encode_extent(dim));
  if (choice_.alternative == 1 && !dims.empty() && like_.back().is_static() && like_.back().value % 2 == 0) {
    dims.back() = 2;
    dims.push_back(like_.back().value / 2);
  }
  return dims;
}

std::vector<Attr> PatternMaker::attrs_of(size_t at) {
  const OpDef& op = *maker_.pattern_.ops()[at].op;
  const int64_t last = like_.empty() || !like_.back().is_static() ? choice_.width : like_.back().value;
  const std::map<std::string_view, AttrValue> usual = {
      {"mul", 1.7},
      {"add", -0.3},
      {"min", -1.25},
      {"max", 0.5},
      {"eps", 1e-5},
      {"k", std::min<int64_t>(last, 8)},
      {"n_experts", int64_t{5}},
      {"block_k", std::min<int64_t>(last, 32)},
      {"n_rot", last},
      {"axis", int64_t{-1}},
      {"length", last / 2},
      {"dtype", static_cast<int64_t>(op.name == "quantize" ? DType::kI8 : DType::kF16)}};
  std::vector<Attr> attrs;
  for (const AttrDef& def : op.attrs) {
    Attr attr{std::string(def.key), int64_t{0}};
    if (given(op.name, def.key, attr, def.kind)) {
      attrs.push_back(attr);
      continue;
    }
    if (!def.required && !(op.name == "slice" && def.key == "length")) continue;
    if (def.key == "scale") {
      attr.value = 0.125;
    } else if (def.key == "dims") {
      attr.value = reshape_dims(at);
    } else if (def.key == "perm") {
      std::vector<int64_t> perm;
      for (size_t i = 0; i < like_.size(); ++i) perm.push_back(static_cast<int64_t>(i));
      if (perm.size() > 1) std::swap(perm[0], perm[1]);
      attr.value = perm;
    } else if (def.key == "n_rows") {
      attr.value = encode_extent(rows());
    } else if (const auto found = usual.find(def.key); found != usual.end()) {
      attr.value = found->second;
    }
    attrs.push_back(attr);
  }
  return attrs;
}

void PatternMaker::set_tolerance() {
  const auto ops = maker_.pattern_.ops();
  const auto n_products = std::ranges::count_if(ops, [](const Pattern::Op& op) { return is_product(*op.op); });
  DType result = DType::kF32;
  for (const int output : maker_.pattern_.outputs()) {
    for (const ValueId value : results_[static_cast<size_t>(output)]) {
      const DType dtype = problem_.builder().graph().value(value).dtype;
      if (dtype == DType::kF16 || dtype == DType::kBF16) result = dtype;
    }
  }
  Tolerance tolerance = ulps(64);
  if (n_products > 0) {
    tolerance =
        n_products > 1 ? gated_dot(product_dtype_, choice_.width, 0.1) : dot(product_dtype_, choice_.width, 0.1);
  } else if (kv_dtype_ != DType::kInvalid) {
    tolerance = attended(kv_dtype_);
  }
  // A number that is rounded the other way.
  if (written_dtype_ == DType::kI8) tolerance = {1, 0, 0};
  if (written_dtype_ == DType::kFp8E4M3 || written_dtype_ == DType::kFp8E5M2) tolerance = {0x1p-9, 0x1p-2, 0};
  if (result != DType::kF32) {
    tolerance.relative = std::max(tolerance.relative, 2 * epsilon(result));
    tolerance.absolute = std::max(tolerance.absolute, epsilon(result) / 4);
  }
  problem_.tolerance = tolerance;
}

}  // namespace bp::conformance
