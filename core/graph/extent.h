// Arithmetic of extents: numbers and symbols, derived symbols seen through to their base, all of it checked against
// overflow. Thread-safety: pure functions over a const Graph.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "graph/graph.h"

namespace bp {

inline constexpr size_t kMaxRank = 6;

// size = mul * size(base) + add; base kNone: just add.
struct Affine {
  SymbolId base = kNone;
  int64_t mul = 0;
  int64_t add = 0;
  bool operator==(const Affine&) const = default;
};

// The extent in terms of a symbol that is not derived; nullopt where that overflows or the symbols are malformed.
std::optional<Affine> affine(const Graph& graph, const Extent& extent);
// A number, or a declared symbol of that size; nullopt: the graph declares none.
std::optional<Extent> to_extent(const Graph& graph, const Affine& size);
// Equal whatever the sizes turn out to be.
bool same_extent(const Graph& graph, const Extent& a, const Extent& b);
bool same_dims(const Graph& graph, std::span<const Extent> a, std::span<const Extent> b);

// a + n, a * n, ceil(a / n) (of a static extent, or where mul and add divide exactly), a * b (one of them static).
std::optional<Affine> affine_add(const Affine& a, int64_t n);
std::optional<Affine> affine_mul(const Affine& a, const Affine& b);
std::optional<Affine> affine_div(const Affine& a, int64_t n);

// The true size, given those of the symbols, derived ones included.
int64_t size_of(const Extent& extent, std::span<const int64_t> sizes);
// Likewise; `sizes` of derived symbols are not read, nor need they be there.
int64_t size_of(const Graph& graph, const Extent& extent, std::span<const int64_t> sizes);

// The product of the largest sizes, or nullopt where it overflows or an extent is negative or names no symbol.
std::optional<int64_t> max_elements(const Graph& graph, std::span<const Extent> dims);

// How attributes write an extent: a size >= 0, or -2 - symbol. -1 is free for "inferred".
int64_t encode_extent(const Extent& extent);
// nullopt: negative and no symbol of this graph.
std::optional<Extent> decode_extent(const Graph& graph, int64_t code);

// "n_tokens", "64".
std::string extent_text(const Graph& graph, const Extent& extent);
// "[n_tokens, 64]".
std::string dims_text(const Graph& graph, std::span<const Extent> dims);

}  // namespace bp
