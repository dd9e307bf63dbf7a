#include "tokenizer/file_classes.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

#include "tokenizer/utf8.h"

namespace bp {
namespace {

using Tokens = std::array<std::string_view, 7>;  // bos, eos, unk, sep, pad, cls, mask
constexpr std::string_view kEnd = "<|endoftext|>";
constexpr Tokens kOfGpt2 = {kEnd, kEnd, kEnd, "", "", "", ""};
constexpr Tokens kOfQwen2 = {"", kEnd, kEnd, "", kEnd, "", ""};
constexpr Tokens kOfRoberta = {"<s>", "</s>", "<unk>", "</s>", "<pad>", "<s>", "<mask>"};
constexpr Tokens kOfBert = {"", "", "[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]"};
constexpr Tokens kOfDeberta = {"[CLS]", "[SEP]", "[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]"};
constexpr Tokens kOfMpnet = {"<s>", "</s>", "[UNK]", "</s>", "<pad>", "<s>", "<mask>"};

constexpr auto kMerges = VocabularyFile::kMerges;
constexpr auto kWords = VocabularyFile::kWords;

// The first of a file is the one where nothing says.
constexpr FileClass kClasses[] = {
    {"GPT2Tokenizer", "gpt2 gpt_neo gptj gpt_bigcode opt", kMerges, kOfGpt2},
    {"GPTNeoXTokenizer", "gpt_neox", kMerges, kOfGpt2},
    {"CodeGenTokenizer", "codegen phi", kMerges, kOfGpt2},
    {"Qwen2Tokenizer", "qwen2 qwen2_moe qwen3 qwen3_moe", kMerges, kOfQwen2, "", "", true},
    {"RobertaTokenizer", "roberta", kMerges, kOfRoberta, "cls", "sep"},
    {"BartTokenizer", "bart", kMerges, kOfRoberta, "cls", "sep"},
    {"LongformerTokenizer", "longformer", kMerges, kOfRoberta, "cls", "sep"},
    {"LEDTokenizer", "led", kMerges, kOfRoberta, "cls", "sep"},
    {"DebertaTokenizer", "deberta", kMerges, kOfDeberta, "cls", "sep"},
    {"BertTokenizer", "bert", kWords, kOfBert, "cls", "sep"},
    {"DistilBertTokenizer", "distilbert", kWords, kOfBert, "cls", "sep"},
    {"ElectraTokenizer", "electra", kWords, kOfBert, "cls", "sep"},
    {"MobileBertTokenizer", "mobilebert", kWords, kOfBert, "cls", "sep"},
    {"ConvBertTokenizer", "convbert", kWords, kOfBert, "cls", "sep"},
    {"LayoutLMTokenizer", "layoutlm", kWords, kOfBert, "cls", "sep"},
    {"MPNetTokenizer", "mpnet", kWords, kOfMpnet, "cls", "sep"},
};

bool has_word(std::string_view words, std::string_view wanted) {
  while (!words.empty()) {
    const std::string_view word = words.substr(0, words.find(' '));
    if (word == wanted) return true;
    words.remove_prefix(std::min(words.size(), word.size() + 1));
  }
  return false;
}

}  // namespace

Result<const FileClass*> file_class(std::string_view class_name, std::string_view model_type, VocabularyFile file,
                                    std::string_view where) {
  std::string_view name = class_name;
  if (name.ends_with("Fast")) name.remove_suffix(4);
  std::vector<std::string_view> names;
  const FileClass* first = nullptr;
  for (const FileClass& known : kClasses) {
    if (known.file != file) continue;
    if (name == known.name || (name.empty() && has_word(known.model_types, model_type))) return &known;
    if (first == nullptr) first = &known;
    names.push_back(known.name);
  }
  if (name.empty()) return first;
  return fail(ErrorCode::kUnsupported, std::string(where),
              fmt::format("tokenizer class \"{}\" is not read from this file", utf8::beginning(class_name, 80)),
              fmt::format("fetch tokenizer.json, or use a model with one of: {}", fmt::join(names, ", ")));
}

}  // namespace bp
