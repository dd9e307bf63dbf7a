#include "graph/extent.h"

#include <fmt/format.h>

#include <algorithm>

namespace bp {
namespace {

std::optional<int64_t> checked_mul(int64_t a, int64_t b) {
  int64_t out = 0;
  if (__builtin_mul_overflow(a, b, &out)) return std::nullopt;
  return out;
}

std::optional<int64_t> checked_add(int64_t a, int64_t b) {
  int64_t out = 0;
  if (__builtin_add_overflow(a, b, &out)) return std::nullopt;
  return out;
}

bool is_symbol(const Graph& graph, SymbolId id) { return id >= 0 && static_cast<size_t>(id) < graph.symbols.size(); }

}  // namespace

std::optional<Affine> affine(const Graph& graph, const Extent& extent) {
  if (extent.is_static()) return Affine{kNone, 0, extent.value};
  if (!is_symbol(graph, extent.symbol)) return std::nullopt;
  Affine out{extent.symbol, 1, 0};
  // A base precedes what is derived from it, so the walk ends even in a malformed graph.
  for (;;) {
    const Symbol& symbol = graph.symbols[static_cast<size_t>(out.base)];
    if (symbol.base == kNone) return out;
    if (symbol.base < 0 || symbol.base >= out.base) return std::nullopt;
    const auto mul = checked_mul(out.mul, symbol.mul);
    const auto shift = checked_mul(out.mul, symbol.add);
    if (!mul || !shift) return std::nullopt;
    const auto add = checked_add(out.add, *shift);
    if (!add) return std::nullopt;
    out = {symbol.base, *mul, *add};
  }
}

std::optional<Extent> to_extent(const Graph& graph, const Affine& size) {
  if (size.base == kNone) return size.add >= 0 ? std::optional(Extent::fixed(size.add)) : std::nullopt;
  for (size_t i = 0; i < graph.symbols.size(); ++i) {
    const Extent candidate = Extent::dynamic(static_cast<SymbolId>(i));
    if (affine(graph, candidate) == size) return candidate;
  }
  return std::nullopt;
}

bool same_extent(const Graph& graph, const Extent& a, const Extent& b) {
  if (a.symbol == b.symbol) return !a.is_static() || a.value == b.value;
  const auto x = affine(graph, a);
  return x.has_value() && x == affine(graph, b);
}

bool same_dims(const Graph& graph, std::span<const Extent> a, std::span<const Extent> b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](const Extent& x, const Extent& y) { return same_extent(graph, x, y); });
}

std::optional<Affine> affine_add(const Affine& a, int64_t n) {
  const auto add = checked_add(a.add, n);
  if (!add) return std::nullopt;
  return Affine{a.base, a.mul, *add};
}

std::optional<Affine> affine_mul(const Affine& a, const Affine& b) {
  if (a.base != kNone && b.base != kNone) return std::nullopt;
  const Affine& scaled = a.base == kNone ? b : a;
  const int64_t factor = a.base == kNone ? a.add : b.add;
  const auto mul = checked_mul(scaled.mul, factor);
  const auto add = checked_mul(scaled.add, factor);
  if (!mul || !add) return std::nullopt;
  if (*mul == 0) return Affine{kNone, 0, *add};
  return Affine{scaled.base, *mul, *add};
}

std::optional<Affine> affine_div(const Affine& a, int64_t n) {
  if (n <= 0) return std::nullopt;
  if (a.base == kNone) return a.add < 0 ? std::nullopt : std::optional(Affine{kNone, 0, a.add / n + (a.add % n != 0)});
  if (a.mul % n != 0 || a.add % n != 0) return std::nullopt;
  return Affine{a.base, a.mul / n, a.add / n};
}

int64_t size_of(const Extent& extent, std::span<const int64_t> sizes) {
  return extent.is_static() ? extent.value : sizes[static_cast<size_t>(extent.symbol)];
}

int64_t size_of(const Graph& graph, const Extent& extent, std::span<const int64_t> sizes) {
  if (extent.is_static()) return extent.value;
  const Symbol& symbol = graph.symbols[static_cast<size_t>(extent.symbol)];
  if (symbol.base == kNone) return sizes[static_cast<size_t>(extent.symbol)];
  return symbol.mul * size_of(graph, Extent::dynamic(symbol.base), sizes) + symbol.add;
}

std::optional<int64_t> max_elements(const Graph& graph, std::span<const Extent> dims) {
  int64_t count = 1;
  bool empty = false;
  for (const Extent& dim : dims) {
    if (!dim.is_static() && !is_symbol(graph, dim.symbol)) return std::nullopt;
    const int64_t size = graph.max_size(dim);
    if (size < 0) return std::nullopt;
    // A zero must not hide an overflow: strides are products too.
    empty |= size == 0;
    const auto product = checked_mul(count, std::max<int64_t>(size, 1));
    if (!product) return std::nullopt;
    count = *product;
  }
  return empty ? 0 : count;
}

int64_t encode_extent(const Extent& extent) {
  return extent.is_static() ? extent.value : int64_t{-2} - int64_t{extent.symbol};
}

std::optional<Extent> decode_extent(const Graph& graph, int64_t code) {
  if (code >= 0) return Extent::fixed(code);
  if (code > -2 || -2 - code >= static_cast<int64_t>(graph.symbols.size())) return std::nullopt;
  return Extent::dynamic(static_cast<SymbolId>(-2 - code));
}

std::string extent_text(const Graph& graph, const Extent& extent) {
  if (extent.is_static()) return fmt::format("{}", extent.value);
  if (!is_symbol(graph, extent.symbol)) return fmt::format("symbol#{}", extent.symbol);
  return graph.symbols[static_cast<size_t>(extent.symbol)].name;
}

std::string dims_text(const Graph& graph, std::span<const Extent> dims) {
  std::string out = "[";
  for (const Extent& dim : dims) {
    if (out.size() > 1) out += ", ";
    out += extent_text(graph, dim);
  }
  return out + "]";
}

}  // namespace bp
