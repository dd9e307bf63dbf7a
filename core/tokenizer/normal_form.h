// The normalisation forms of Unicode, as Hugging Face's tokenizers make them: with the data of Unicode 9, since
// vocabularies were trained with what is younger neither composed nor ordered.
// Thread-safety: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace bp {

enum class NormalForm : uint8_t { kC, kD, kKC, kKD };

// Bytes that are no UTF-8 stay. Linear in time but for sorting runs of combining marks.
std::string normalize(std::string_view text, NormalForm form);

}  // namespace bp
