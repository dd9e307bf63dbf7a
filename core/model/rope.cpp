#include "model/rope.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <utility>

namespace bp {
namespace {

// theta^(2i/n), rounded to float32 where transformers has float32 tensors.
std::vector<float> position_periods(const RopeConfig& rope) {
  std::vector<float> periods(static_cast<size_t>(rope.n_rot / 2));
  const double base = static_cast<float>(rope.theta);
  for (size_t i = 0; i < periods.size(); ++i) {
    const float exponent = static_cast<float>(2 * i) / static_cast<float>(rope.n_rot);
    periods[i] = static_cast<float>(std::pow(base, static_cast<double>(exponent)));
  }
  return periods;
}

void scale_llama3(const RopeConfig& rope, std::vector<float>& inv_freq) {
  const auto original = static_cast<double>(rope.original_context);
  const auto factor = static_cast<float>(rope.factor);
  const auto low = static_cast<float>(rope.low_freq_factor);
  const auto band = static_cast<float>(rope.high_freq_factor - rope.low_freq_factor);
  const auto longest = static_cast<float>(original / rope.low_freq_factor);
  const auto shortest = static_cast<float>(original / rope.high_freq_factor);
  for (float& f : inv_freq) {
    const float wavelength = static_cast<float>(2 * std::numbers::pi) / f;
    if (wavelength < shortest) continue;
    if (wavelength > longest) {
      f /= factor;
      continue;
    }
    const float smooth = (static_cast<float>(original) / wavelength - low) / band;
    f = (1 - smooth) * f / factor + smooth * f;
  }
}

// The index at which a frequency turns `rotations` times over the original context.
double yarn_index(const RopeConfig& rope, double rotations) {
  const double positions = static_cast<double>(rope.original_context);
  return static_cast<double>(rope.n_rot) * std::log(positions / (rotations * 2 * std::numbers::pi)) /
         (2 * std::log(rope.theta));
}

std::vector<float> yarn_frequencies(const RopeConfig& rope) {
  double low = yarn_index(rope, rope.beta_fast);
  double high = yarn_index(rope, rope.beta_slow);
  if (rope.truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, static_cast<double>(rope.n_rot - 1));
  if (low == high) high += 0.001;
  std::vector<float> inv_freq = position_periods(rope);
  for (size_t i = 0; i < inv_freq.size(); ++i) {
    const float extrapolated = 1.0f / inv_freq[i];
    const float interpolated = 1.0f / (static_cast<float>(rope.factor) * inv_freq[i]);
    const float ramp = (static_cast<float>(i) - static_cast<float>(low)) / static_cast<float>(high - low);
    const float keep = 1 - std::clamp(ramp, 0.0f, 1.0f);
    inv_freq[i] = interpolated * (1 - keep) + extrapolated * keep;
  }
  return inv_freq;
}

double yarn_attention_factor(const RopeConfig& rope) {
  if (rope.attention_factor) return *rope.attention_factor;
  if (rope.mscale != 0 && rope.mscale_all_dim != 0) {
    return yarn_mscale(rope.factor, rope.mscale) / yarn_mscale(rope.factor, rope.mscale_all_dim);
  }
  return yarn_mscale(rope.factor, 1.0);
}

double longrope_attention_factor(const RopeConfig& rope) {
  if (rope.attention_factor) return *rope.attention_factor;
  if (rope.factor <= 1) return 1.0;
  return std::sqrt(1 + std::log(rope.factor) / std::log(static_cast<double>(rope.original_context)));
}

// Each row of divisors makes a row of frequencies.
void scale_longrope(const RopeConfig& rope, RopeTable& table) {
  const std::vector<float> plain = table.inv_freq;
  table.n_variants = 2;
  table.inv_freq.clear();
  for (const auto* divisors : {&rope.divisors, &rope.long_divisors}) {
    // As transformers rounds: 1 / (divisor * period).
    for (size_t i = 0; i < plain.size(); ++i) table.inv_freq.push_back(1.0f / ((*divisors)[i] * plain[i]));
  }
}

// Bounded, so that float32 holds it.
bool positive(double x) { return x > 0 && x < 1e30; }

}  // namespace

double yarn_mscale(double factor, double mscale) { return factor <= 1 ? 1.0 : 0.1 * mscale * std::log(factor) + 1.0; }

std::optional<RopeType> parse_rope_type(std::string_view name) {
  constexpr std::array<std::pair<std::string_view, RopeType>, 7> kNames = {{{"default", RopeType::kDefault},
                                                                            {"linear", RopeType::kLinear},
                                                                            {"dynamic", RopeType::kDynamic},
                                                                            {"llama3", RopeType::kLlama3},
                                                                            {"yarn", RopeType::kYarn},
                                                                            {"longrope", RopeType::kLongrope},
                                                                            {"su", RopeType::kLongrope}}};
  for (const auto& [known, type] : kNames) {
    if (known == name) return type;
  }
  return std::nullopt;
}

Status check_rope(const RopeConfig& rope, int64_t head_dim, const std::string& where) {
  const auto refuse = [&](std::string what) {
    return fail(ErrorCode::kRefused, where, std::move(what), "correct the model's configuration");
  };
  if (rope.n_rot <= 0 || rope.n_rot > head_dim || rope.n_rot % 2 != 0) {
    return refuse(
        fmt::format("rotary dimension {} is not even and within the head dimension {}", rope.n_rot, head_dim));
  }
  if (!positive(rope.theta)) return refuse(fmt::format("rope theta {} is not a positive number", rope.theta));
  for (const auto* divisors : {&rope.divisors, &rope.long_divisors}) {
    const bool needed = rope.type == RopeType::kLongrope || !divisors->empty();
    if (needed && static_cast<int64_t>(divisors->size()) != rope.n_rot / 2) {
      return refuse(fmt::format("{} rope frequency factors for {} frequencies", divisors->size(), rope.n_rot / 2));
    }
    for (const float divisor : *divisors) {
      if (!positive(divisor)) return refuse(fmt::format("rope frequency factor {} is not a positive number", divisor));
    }
  }
  if (!positive(rope.factor)) return refuse(fmt::format("rope factor {} is not a positive number", rope.factor));
  const bool scaled = rope.type != RopeType::kDefault && rope.type != RopeType::kLinear;
  if (scaled && rope.original_context <= 0) {
    return refuse(fmt::format("rope original context {} is not positive", rope.original_context));
  }
  if (rope.type == RopeType::kLlama3 &&
      (!positive(rope.low_freq_factor) || !positive(rope.high_freq_factor - rope.low_freq_factor))) {
    return refuse(fmt::format("rope high_freq_factor {} is not above low_freq_factor {}, or they are not positive",
                              rope.high_freq_factor, rope.low_freq_factor));
  }
  if (rope.type == RopeType::kYarn && (rope.theta <= 1 || !positive(rope.beta_fast) || !positive(rope.beta_slow))) {
    return refuse(fmt::format("yarn needs theta above 1 and positive betas (theta {}, beta_fast {}, beta_slow {})",
                              rope.theta, rope.beta_fast, rope.beta_slow));
  }
  if (!positive(yarn_attention_factor(rope))) {
    return refuse(fmt::format("rope attention factor {} is not a positive number", yarn_attention_factor(rope)));
  }
  if (rope.type == RopeType::kDynamic && (rope.n_rot < 4 || rope.factor < 1)) {
    return refuse(fmt::format("dynamic rope needs a factor of 1 or more and 4 rotated columns (factor {}, {} columns)",
                              rope.factor, rope.n_rot));
  }
  if (rope.type == RopeType::kLongrope && !positive(longrope_attention_factor(rope))) {
    return refuse(fmt::format("rope attention factor {} is not a positive number", longrope_attention_factor(rope)));
  }
  return {};
}

RopeTable compute_rope(const RopeConfig& rope) {
  RopeTable table;
  if (rope.type == RopeType::kYarn) {
    table.inv_freq = yarn_frequencies(rope);
    table.attention_factor = yarn_attention_factor(rope);
  } else if (rope.type == RopeType::kLongrope) {
    table.inv_freq = position_periods(rope);
    table.attention_factor = longrope_attention_factor(rope);
    scale_longrope(rope, table);
    return table;
  } else {
    table.inv_freq = position_periods(rope);
    for (float& f : table.inv_freq) f = 1.0f / f;
  }
  if (rope.type == RopeType::kLlama3) scale_llama3(rope, table.inv_freq);
  if (rope.type == RopeType::kLinear) {
    for (float& f : table.inv_freq) f /= static_cast<float>(rope.factor);
  }
  for (size_t i = 0; i < rope.divisors.size(); ++i) table.inv_freq[i] /= rope.divisors[i];
  return table;
}

std::vector<float> dynamic_frequencies(const RopeConfig& rope, int64_t length) {
  const auto original = static_cast<double>(rope.original_context), dim = static_cast<double>(rope.n_rot);
  const double stretch = rope.factor * std::max(static_cast<double>(length), original) / original - (rope.factor - 1);
  RopeConfig grown = rope;
  grown.theta = rope.theta * std::pow(stretch, dim / (dim - 2));
  std::vector<float> frequencies = position_periods(grown);
  for (float& f : frequencies) f = 1.0f / f;
  return frequencies;
}

}  // namespace bp
