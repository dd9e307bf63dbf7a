// Tiles of block formats of 16 rows of x, by AMX: y [16 x, 16 w] = Σ over blocks of scale * (x, w of 32 k as integers).
// Integers are exact and scaled as by the other instruction sets: the bits are the same. A group is unpacked once into
// signed bytes and f32 scales: for each 32 k [8][16][4] i8, [16] scale, [16] minimum where there are such. Formats with
// a scale for each 16 k would need twice the tiles, and are faster without. Bound by the sums' way through memory and
// the scaling: together twice as fast as dot products.
#include "kernels/matmul.h"
#include "kernels/packed_block.h"

namespace bp::cpu {
namespace {

struct alignas(64) TileConfig {
  uint8_t palette = 1;
  uint8_t start_row = 0;
  uint8_t reserved[14] = {};
  uint16_t row_bytes[16] = {};
  uint8_t rows[16] = {};
};

// Tiles 0 .. 3 are sums, 4 and 5 rows of x, 6 and 7 of w.
constexpr TileConfig tile_config() {
  TileConfig config;
  for (int i = 0; i < 8; ++i) {
    config.rows[i] = static_cast<uint8_t>(i < 6 ? 16 : 8);
    config.row_bytes[i] = static_cast<uint16_t>(i == 4 || i == 5 ? 32 : 64);
  }
  return config;
}

constexpr TileConfig kConfig = tile_config();

template <bool kMinimum>
constexpr int64_t kUnpackedBytes = 512 + (kMinimum ? 128 : 64);

template <bool kMinimum>
struct AmxTile {
  static constexpr int kXBytes = kMinimum ? 128 : 64;  // in front of the values of a block

  // Tile kSlot = the integer products of a block.
  template <int kSlot>
  static BP_CPU_INLINE void multiply(const std::byte* w, const std::byte* values) {
#define BP_CPU_TILES(sum, rows, lines) \
  _tile_zero(sum);                     \
  _tile_loadd(lines, w, 64);           \
  _tile_loadd(rows, values, 32);       \
  _tile_dpbssd(sum, rows, lines)
    if constexpr (kSlot == 0) {
      BP_CPU_TILES(0, 4, 6);
    } else if constexpr (kSlot == 1) {
      BP_CPU_TILES(1, 5, 7);
    } else if constexpr (kSlot == 2) {
      BP_CPU_TILES(2, 4, 6);
    } else {
      BP_CPU_TILES(3, 5, 7);
    }
#undef BP_CPU_TILES
  }
  static BP_CPU_INLINE void store_sums(int32_t (&sums)[4][256]) {
    _tile_stored(0, sums[0], 64);
    _tile_stored(1, sums[1], 64);
    _tile_stored(2, sums[2], 64);
    _tile_stored(3, sums[3], 64);
  }

  static BP_CPU_INLINE void scale(F (&y)[16], const std::byte* w, const std::byte* x, const int32_t* sums) {
    const auto* x_scale = reinterpret_cast<const float*>(x);
    const auto* scales = reinterpret_cast<const float*>(w + 512);
    const F factor = load_f32(scales);
#pragma GCC unroll 16
    for (int r = 0; r < 16; ++r)
      y[r] = fma(to_float(_mm512_load_si512(sums + 16 * r)), mul(factor, set1(x_scale[r])), y[r]);
    if constexpr (kMinimum) {
      const F minimum = load_f32(scales + 16);
#pragma GCC unroll 16
      for (int r = 0; r < 16; ++r) y[r] = fma(minimum, set1(x_scale[16 + r]), y[r]);
    }
  }

  // Four blocks are multiplied while the four before them are scaled. Sums leave the tiles through memory, at once:
  // loads wait for such stores.
  template <int R>
  static void tile(const MatmulTile& t) {
    _tile_loadconfig(&kConfig);
    alignas(64) int32_t sums[4][256];
    F y[16];
#pragma GCC unroll 16
    for (int r = 0; r < 16; ++r) y[r] = zero();
    const int64_t n = t.k / kBlock;
    const auto w_of = [&](int64_t i) { return t.w + i * kUnpackedBytes<kMinimum>; };
    const auto x_of = [&](int64_t i) { return t.x + i * (kXBytes + 512); };
    const auto start = [&]<int kSlot>(int64_t i) __attribute__((always_inline)) {
      if (i < n) multiply<kSlot>(w_of(i), x_of(i) + kXBytes);
    };
    each<4>([&]<int kSlot>() __attribute__((always_inline)) { start.template operator()<kSlot>(kSlot); });
    for (int64_t i = 0; i < n; i += 4) {
      store_sums(sums);
      each<4>([&]<int kSlot>() __attribute__((always_inline)) {
        const int64_t at = i + kSlot;
        start.template operator()<kSlot>(at + 4);
        if (at < n) scale(y, w_of(at), x_of(at), sums[kSlot]);
      });
    }
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) store(t.y + kGroupRows * r, y[r]);
    _tile_release();
  }
};

template <WeightFormat kFormat>
struct AmxBlocks {
  static constexpr BlockShape kShape = block_shape(kFormat);
  static constexpr bool kMinimum = kShape.has_minimum();

  // 32 k of a record.
  template <class Record>
  static BP_CPU_INLINE void unpack_block(const Record* record, int b, const std::byte*& codes, std::byte*& out) {
    each<8>([&]<int kLine>() __attribute__((always_inline)) {
      const I line = code_line<kShape, kLine>(codes);
      constexpr int kOffset = kMinimum ? 0 : kShape.offset;
      _mm512_store_si512(out + 64 * kLine, _mm512_sub_epi8(line, _mm512_set1_epi8(static_cast<char>(kOffset))));
    });
    const PackedScales<kShape> scales(record, 0);
    auto* floats = reinterpret_cast<float*>(out + 512);
    store(floats, scales.scale(b));
    if constexpr (kMinimum) store(floats + 16, scales.minimum(b));
    codes += plane_bytes(kShape.planes);
    out += kUnpackedBytes<kMinimum>;
  }

  static void unpack(const MatmulTile& t, std::byte* out) {
    const std::byte* codes = t.w + panel_bytes(kShape, t.k);
    if constexpr (kShape.sub_scales == SubScales::kPanel) {
      const float* panel = t.panel;
      for (int64_t k = 0; k < t.k; k += t.panel_k, panel += 2 * kGroupRows) {
        const int64_t n = t.k - k < t.panel_k ? t.k - k : t.panel_k;
        for (int64_t b = n / kBlock; b > 0; --b) unpack_block(panel, 0, codes, out);
      }
    } else {
      const std::byte* record = t.w;
      for (int64_t i = t.k / kShape.block_k; i > 0; --i, record += record_bytes(kShape)) {
        for (int b = 0; b < kShape.block_k / kBlock; ++b) unpack_block(record, b, codes, out);
      }
    }
  }

  static constexpr MatmulKernel kKernel = {{XFormat::Kind::kI8Rows, kMinimum ? 1 : 0},
                                           pack_x_i8_rows_avx2,
                                           16,
                                           kTilesOf<AmxTile<kMinimum>, 16>.data(),
                                           unpack,
                                           kUnpackedBytes<kMinimum>};
};

template <WeightFormat kFormat>
constexpr const MatmulKernel* kernel_of() {
  if constexpr (block_shape(kFormat).n_sub() == 1) return &AmxBlocks<kFormat>::kKernel;
  return nullptr;
}

}  // namespace

const MatmulKernel* matmul_blocks_amx(WeightFormat format) {
  constexpr int kFirst = static_cast<int>(WeightFormat::kQ8_0);
  static constexpr auto kKernels = []<int... I>(std::integer_sequence<int, I...>) {
    return std::array{kernel_of<static_cast<WeightFormat>(kFirst + I)>()...};
  }(std::make_integer_sequence<int, kWeightFormats - kFirst>{});
  return kKernels[static_cast<size_t>(static_cast<int>(format) - kFirst)];
}

}  // namespace bp::cpu
