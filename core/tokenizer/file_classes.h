// What transformers' classes of tokenizers add to files that hold only a vocabulary: vocab.json with merges.txt, or
// vocab.txt. Written after its conversion to the form of tokenizer.json (convert_slow_tokenizer.py).
// Thread-safety: constants and a pure function.
#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "base/result.h"

namespace bp {

enum class VocabularyFile { kMerges, kWords };  // vocab.json with merges.txt, vocab.txt

// The tokens that tokenizer_config.json names "bos_token" and so on.
inline constexpr std::array<std::string_view, 7> kTokenRoles = {"bos", "eos", "unk", "sep", "pad", "cls", "mask"};

struct FileClass {
  std::string_view name;         // tokenizer_class, without "Fast" at its end
  std::string_view model_types;  // config.json's model_type, where no class is named; separated by spaces
  VocabularyFile file;
  std::array<std::string_view, 7> tokens;  // one for each of kTokenRoles, where the files name none; empty: none
  std::string_view prefix = {};            // the roles of what is put before and behind a text
  std::string_view suffix = {};
  bool qwen2 = false;  // splits as Qwen 2 does, on composed characters; else as GPT-2
};

// `class_name`, `model_type`: empty where nothing says. Errors: kUnsupported for a class that reads other files or that
// we do not have, with those we have.
Result<const FileClass*> file_class(std::string_view class_name, std::string_view model_type, VocabularyFile file,
                                    std::string_view where);

}  // namespace bp
