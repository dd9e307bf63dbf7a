#include "tokenizer/sentence_piece_model.h"

#include <fmt/format.h>

#include <bit>
#include <cstring>

namespace bp {
namespace {

std::unexpected<Error> refused(std::string_view where, std::string what) {
  return fail(ErrorCode::kRefused, std::string(where), std::move(what),
              "the file is damaged or no SentencePiece model: fetch it again");
}

// One field of a message: a number or the bytes of a string, of bytes or of a message.
struct Field {
  uint32_t number = 0;
  bool is_bytes = false;
  uint64_t value = 0;
  std::string_view bytes = {};

  int64_t as_int() const { return static_cast<int64_t>(value); }
  float as_float() const { return std::bit_cast<float>(static_cast<uint32_t>(value)); }
};

// The fields of a message, one after the other.
class Message {
 public:
  Message(std::string_view bytes, std::string_view where) : bytes_(bytes), where_(where) {}

  bool done() const { return at_ == bytes_.size(); }

  Result<Field> next() {
    BP_TRY(const uint64_t key, varint());
    Field field{.number = static_cast<uint32_t>(key >> 3)};
    switch (key & 7) {
      case 0: {
        BP_TRY(field.value, varint());
        return field;
      }
      case 1:
        return fixed(field, 8);
      case 5:
        return fixed(field, 4);
      case 2: {
        BP_TRY(const uint64_t size, varint());
        if (size > bytes_.size() - at_)
          return refused(where_,
                         fmt::format("field {} claims {} bytes, {} are left", field.number, size, bytes_.size() - at_));
        field.is_bytes = true;
        field.bytes = bytes_.substr(at_, size);
        at_ += size;
        return field;
      }
      default:
        return refused(where_, fmt::format("field {} has wire type {}", field.number, key & 7));
    }
  }

 private:
  Result<uint64_t> varint() {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (at_ == bytes_.size()) return refused(where_, fmt::format("ends within a number at byte {}", at_));
      const auto byte = static_cast<unsigned char>(bytes_[at_++]);
      value |= uint64_t{byte & 0x7Fu} << shift;
      if (byte < 0x80) return value;
    }
    return refused(where_, fmt::format("a number of more than 64 bits at byte {}", at_));
  }

  Result<Field> fixed(Field field, size_t n_bytes) {
    if (n_bytes > bytes_.size() - at_) return refused(where_, fmt::format("ends within field {}", field.number));
    std::memcpy(&field.value, bytes_.data() + at_, n_bytes);
    at_ += n_bytes;
    return field;
  }

  std::string_view bytes_;
  std::string_view where_;
  size_t at_ = 0;
};

// Calls on_field for each field.
template <class OnField>
Status for_each_field(std::string_view bytes, std::string_view where, OnField on_field) {
  Message message(bytes, where);
  while (!message.done()) {
    BP_TRY(const Field field, message.next());
    BP_TRY_VOID(on_field(field));
  }
  return {};
}

constexpr int64_t kUnigram = 1;
constexpr int64_t kBpe = 2;

class Reader {
 public:
  explicit Reader(std::string_view where) : where_(where) {}

  Result<Vocabulary> read(std::string_view bytes) {
    v_.bos = 1;
    v_.eos = 2;
    v_.unk = 0;
    v_.add_space_prefix = true;
    v_.remove_extra_spaces = true;
    BP_TRY_VOID(for_each_field(bytes, where_, [this](const Field& field) -> Status {
      if (field.number == 1 && field.is_bytes) return read_piece(field.bytes);
      if (field.number == 2 && field.is_bytes) return read_trainer(field.bytes);
      if (field.number == 3 && field.is_bytes) return read_normalizer(field.bytes);
      return {};
    }));
    if (v_.tokens.empty()) return refused(where_, "has no pieces");
    if (model_type_ != kUnigram && model_type_ != kBpe) {
      return fail(ErrorCode::kUnsupported, std::string(where_),
                  fmt::format("SentencePiece model type {} is not supported", model_type_),
                  "use a model of type 1 (unigram) or 2 (BPE)");
    }
    if (!escapes_) {
      return fail(ErrorCode::kUnsupported, std::string(where_), "escape_whitespaces = false is not supported",
                  "train the model with white space escaped");
    }
    v_.model = model_type_ == kBpe ? "llama" : "t5";
    return std::move(v_);
  }

 private:
  Status read_piece(std::string_view bytes) {
    std::string_view text;
    float score = 0;
    int64_t type = 1;
    BP_TRY_VOID(for_each_field(bytes, where_, [&](const Field& field) -> Status {
      if (field.number == 1) text = field.bytes;
      if (field.number == 2) score = field.as_float();
      if (field.number == 3) type = field.as_int();
      return {};
    }));
    if (type < 1 || type > 6) return refused(where_, fmt::format("piece {} has type {}", v_.tokens.size(), type));
    v_.tokens.emplace_back(text);
    v_.scores.push_back(score);
    v_.types.push_back(static_cast<TokenType>(type));  // GGUF's numbers are SentencePiece's
    return {};
  }

  Status read_trainer(std::string_view bytes) {
    return for_each_field(bytes, where_, [this](const Field& field) -> Status {
      const auto id = [&]() -> std::optional<TokenId> {
        const auto value = static_cast<int32_t>(field.as_int());
        return value >= 0 ? std::optional(value) : std::nullopt;
      };
      if (field.number == 3) model_type_ = field.as_int();
      if (field.number == 24) v_.space_as_suffix = field.value != 0;
      if (field.number == 40) v_.unk = id();
      if (field.number == 41) v_.bos = id();
      if (field.number == 42) v_.eos = id();
      if (field.number == 43) v_.pad = id();
      return {};
    });
  }

  Status read_normalizer(std::string_view bytes) {
    return for_each_field(bytes, where_, [this](const Field& field) -> Status {
      if (field.number == 2) v_.chars_map = field.bytes;
      if (field.number == 3) v_.add_space_prefix = field.value != 0;
      if (field.number == 4) v_.remove_extra_spaces = field.value != 0;
      if (field.number == 5) escapes_ = field.value != 0;
      return {};
    });
  }

  std::string_view where_;
  Vocabulary v_;
  int64_t model_type_ = kUnigram;
  bool escapes_ = true;
};

}  // namespace

Result<Vocabulary> read_sentence_piece_model(std::string_view bytes, std::string_view where) {
  return Reader(where).read(bytes);
}

}  // namespace bp
