// Any bytes as a SentencePiece tokenizer.model: an error, or a tokenizer that holds what it must.
#include <cstdint>
#include <string_view>

#include "tokenizer_check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto read = bp::Tokenizer::from_sentence_piece(bytes, "", "", "fuzz");
  if (read) {
    bp::fuzz::check(*read, bp::fuzz::kText);
    bp::fuzz::check(*read, bytes.substr(0, 256));
  }
  return 0;
}
