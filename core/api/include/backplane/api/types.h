// Element types, sizes known or not yet known, and attributes of ops. Part of <backplane/backplane.h>.
// Thread-safety: plain values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace bp::api {

// The numbers are those of the plugin border (plugin.h, BP_DT_*): append-only.
enum class DType : uint16_t {
  kInvalid = 0,
  kF32 = 1,
  kF16 = 2,
  kBF16 = 3,
  kF64 = 4,
  kI8 = 5,
  kU8 = 6,
  kI16 = 7,
  kI32 = 8,
  kI64 = 9,
  kBool = 10,  // one byte, 0 or 1
  kFp8E4M3 = 11,
  kFp8E5M2 = 12,
  kE8M0 = 13,
  kI4 = 14,  // two a byte, the lower nibble first
  kU4 = 15,
  kFp4E2M1 = 16,
  // GGUF block formats
  kQ4_0 = 32,
  kQ4_1 = 33,
  kQ5_0 = 34,
  kQ5_1 = 35,
  kQ8_0 = 36,
  kQ2_K = 40,
  kQ3_K = 41,
  kQ4_K = 42,
  kQ5_K = 43,
  kQ6_K = 44,
  kIQ4_NL = 48,
  kIQ4_XS = 49,
  kMXFP4 = 50,
};

inline constexpr DType f32 = DType::kF32;
inline constexpr DType f16 = DType::kF16;
inline constexpr DType bf16 = DType::kBF16;
inline constexpr DType f64 = DType::kF64;
inline constexpr DType i8 = DType::kI8;
inline constexpr DType u8 = DType::kU8;
inline constexpr DType i16 = DType::kI16;
inline constexpr DType i32 = DType::kI32;
inline constexpr DType i64 = DType::kI64;
inline constexpr DType boolean = DType::kBool;

// "f32", "q4_0".
std::string_view name_of(DType dtype);

// The dtype that holds a C++ type: float, double, int8_t, uint8_t, int16_t, int32_t, int64_t.
template <class T>
inline constexpr DType dtype_of = DType::kInvalid;
template <>
inline constexpr DType dtype_of<float> = DType::kF32;
template <>
inline constexpr DType dtype_of<double> = DType::kF64;
template <>
inline constexpr DType dtype_of<int8_t> = DType::kI8;
template <>
inline constexpr DType dtype_of<uint8_t> = DType::kU8;
template <>
inline constexpr DType dtype_of<int16_t> = DType::kI16;
template <>
inline constexpr DType dtype_of<int32_t> = DType::kI32;
template <>
inline constexpr DType dtype_of<int64_t> = DType::kI64;

// One dimension: a number, or a size that is known only when a program runs: factor * (the size of that name) +
// summand.
class Dim {
 public:
  Dim(int64_t size) : size_(size) {}  // implicit: {dyn, 10} is a shape

  // Equal name, equal size. An empty name: a size of its own. max_size 0: CompileOptions::max_size.
  static Dim dynamic(std::string name, int64_t max_size);

  bool is_dynamic() const { return factor_ != 0; }
  int64_t size() const;  // throws Error (kUsage) where dynamic
  const std::string& name() const { return name_; }
  int64_t factor() const { return factor_; }
  int64_t summand() const { return is_dynamic() ? size_ : 0; }
  int64_t max_size() const { return max_size_; }  // of the size of that name; 0: it names none, or is no dynamic dim
  std::string text() const;                       // "10", "n_tokens", "2 * n_tokens + 1"

  // Sizes that follow from another: dyn("n_seqs") + 1, x.dim(0) * 2. Throw Error (kUsage) on overflow, for a factor
  // below 1, and for a dynamic size without a name.
  friend Dim operator+(const Dim& dim, int64_t summand);
  friend Dim operator*(const Dim& dim, int64_t factor);

  // Whether the two are the same size whatever a program is run with.
  friend bool operator==(const Dim& a, const Dim& b) {
    return a.factor_ == b.factor_ && a.size_ == b.size_ && a.name_ == b.name_;
  }

 private:
  int64_t size_ = 0;  // or the summand
  int64_t factor_ = 0;
  int64_t max_size_ = 0;
  std::string name_;
};
Dim operator+(const Dim& dim, int64_t summand);
Dim operator*(const Dim& dim, int64_t factor);

using Shape = std::vector<Dim>;
std::string text(const Shape& shape);  // "[n_tokens, 10]"

// dyn: a size of its own. dyn("n_tokens"): the same size wherever the name stands. dyn("n_tokens", 512): 512 at most.
struct Dyn {
  operator Dim() const { return Dim::dynamic({}, 0); }
  Dim operator()(std::string name, int64_t max_size = 0) const { return Dim::dynamic(std::move(name), max_size); }
};
inline constexpr Dyn dyn{};

// What a compiled function is given.
struct TensorSpec {
  Shape dims;
  DType dtype = f32;
  std::string name = {};  // of errors and print(); empty: "in0", "in1", …
};

// An attribute of an op (docs/opset.md). Sizes may be a Shape, which a dynamic size may be part of; a DType stands for
// its number.
struct Attr {
  std::string key;
  std::variant<int64_t, double, std::string, DType, std::vector<int64_t>, std::vector<double>, Shape> value;
};

}  // namespace bp::api
