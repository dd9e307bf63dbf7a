// Folders made GGUF files, read again: the same configuration, the same tensors, the same vocabulary.
#include "model/convert.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "base/mapped_file.h"
#include "model/convert_config.h"
#include "model/gguf.h"
#include "model/json_vocabulary.h"
#include "model/model.h"
#include "model/pre_tokenizer_name.h"
#include "safetensors_writer.h"
#include "temp_folder.h"
#include "tokenizer/pre_tokenizer_table.h"

namespace bp {
namespace {

using test::SafetensorsWriter;
using test::TempFolder;
using testing::ElementsAre;
using testing::HasSubstr;

json::object parsed(std::string_view text) { return parse_json(text, "test")->get_object(); }

JsonVocabulary vocabulary(std::string_view text, int64_t n_tokens = 0) {
  const auto read = read_json_vocabulary(parsed(text), n_tokens, "tokenizer.json");
  EXPECT_TRUE(read) << read.error().message();
  return read.value_or(JsonVocabulary{});
}

std::string refusal(std::string_view text) {
  const auto read = read_json_vocabulary(parsed(text), 0, "tokenizer.json");
  return read ? "accepted" : read.error().message();
}

constexpr std::string_view kByteLevel =
    R"({"model": {"type": "BPE", "ignore_merges": false, "vocab": {"a": 0, "b": 1, "ab": 3}, "merges": [["a", "b"]]},
        "added_tokens": [{"id": 4, "content": "<|end|>", "special": true}, {"id": 5, "content": "▁x", "special": false}],
        "pre_tokenizer": {"type": "ByteLevel", "use_regex": true},
        "post_processor": {"type": "Sequence", "processors": [{"type": "ByteLevel"}, {"type": "TemplateProcessing",
          "single": [{"SpecialToken": {"id": "<|end|>"}}, {"Sequence": {"id": "A"}}]}]}})";

TEST(JsonVocabulary, ByteLevelBpe) {
  const JsonVocabulary v = vocabulary(kByteLevel, 7);
  EXPECT_EQ(v.model, "gpt2");
  EXPECT_EQ(v.pre, "gpt-2");
  EXPECT_THAT(v.tokens, ElementsAre("a", "b", "[PAD2]", "ab", "<|end|>", " x", "[PAD6]"));
  EXPECT_THAT(v.types, ElementsAre(1, 1, 5, 1, 3, 4, 5));
  EXPECT_THAT(v.merges, ElementsAre("a b"));
  EXPECT_TRUE(v.scores.empty());
  EXPECT_TRUE(v.has_template);
  EXPECT_EQ(v.first_added, 4);
  EXPECT_EQ(v.last_added, std::nullopt);
}

TEST(JsonVocabulary, SentencePieceBpe) {
  const JsonVocabulary v = vocabulary(
      R"({"model": {"type": "BPE", "byte_fallback": true, "unk_token": "<unk>",
           "vocab": {"<unk>": 0, "<s>": 1, "<0x0A>": 2, "a": 3, "b": 4, "ab": 5, "abb": 6}, "merges": ["a b", "ab b"]},
          "added_tokens": [{"id": 0, "content": "<unk>", "special": true}, {"id": 1, "content": "<s>", "special": true}],
          "normalizer": {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"}]}})");
  EXPECT_EQ(v.model, "llama");
  EXPECT_THAT(v.types, ElementsAre(2, 3, 6, 1, 1, 1, 1));
  EXPECT_GT(v.scores[5], v.scores[6]);
  EXPECT_GT(v.scores[6], v.scores[3]);
  EXPECT_EQ(v.add_space_prefix, true);
}

TEST(JsonVocabulary, Unigram) {
  const JsonVocabulary v = vocabulary(
      R"({"model": {"type": "Unigram", "unk_id": 1, "vocab": [["<s>", 0.0], ["<unk>", 0.0], ["▁a", -2.5]]},
          "added_tokens": [{"id": 0, "content": "<s>", "special": true}],
          "pre_tokenizer": {"type": "Metaspace", "prepend_scheme": "always"}})");
  EXPECT_EQ(v.model, "t5");
  EXPECT_THAT(v.scores, ElementsAre(0.0f, 0.0f, -2.5f));
  EXPECT_THAT(v.types, ElementsAre(3, 2, 1));
  EXPECT_EQ(v.add_space_prefix, true);
}

TEST(JsonVocabulary, WordPiece) {
  const JsonVocabulary v = vocabulary(
      R"({"model": {"type": "WordPiece", "unk_token": "[UNK]", "vocab": {"[UNK]": 0, "[CLS]": 1, "the": 2, "##re": 3}},
          "added_tokens": [{"id": 1, "content": "[CLS]", "special": true}]})");
  EXPECT_EQ(v.model, "bert");
  EXPECT_THAT(v.tokens, ElementsAre("[UNK]", "[CLS]", "\u2581the", "re"));
  EXPECT_THAT(v.types, ElementsAre(2, 3, 1, 1));
}

TEST(JsonVocabulary, RefusesWhatGgufHasNoFormFor) {
  EXPECT_THAT(refusal(R"({"model": {"type": "WordLevel", "vocab": {}}})"), HasSubstr("\"WordLevel\" has no form"));
  EXPECT_THAT(refusal(R"({"model": {"type": "BPE", "vocab": {}, "merges": []}, "decoder": {"type": "ByteLevel"},
                          "pre_tokenizer": {"type": "Split", "pattern": {"Regex": "\\w+"}}})"),
              HasSubstr("splits texts in a way that GGUF has no name for (\\w+)"));
  EXPECT_THAT(refusal(R"({"model": 3})"), HasSubstr("has no model"));
  EXPECT_THAT(refusal(R"({"model": {"type": "WordPiece"}})"), HasSubstr("has no vocabulary"));
  EXPECT_THAT(refusal(R"({"model": {"type": "WordPiece", "vocab": {"a": "b"}}})"), HasSubstr("token \"a\" has no id"));
  EXPECT_THAT(refusal(R"({"model": {"type": "WordPiece", "vocab": {"a": -1}}})"), HasSubstr("a token of id -1"));
  EXPECT_THAT(refusal(R"({"model": {"type": "WordPiece", "vocab": {"a": 99999999999}}})"), HasSubstr("a token of id"));
  EXPECT_THAT(refusal(R"({"model": {"type": "BPE", "byte_fallback": true, "vocab": {}, "merges": ["ab"]}})"),
              HasSubstr("has the merge \"ab\""));
  EXPECT_THAT(refusal(R"({"model": {"type": "BPE", "byte_fallback": true, "vocab": {}}, "added_tokens": [{}]})"),
              HasSubstr("an added token without id or text"));
}

TEST(PreTokenizerName, KnowsTheWaysOfTheFamilies) {
  const auto name = [](std::string_view regex, std::string_view more = "") {
    const std::string text = fmt::format(
        R"({{"pre_tokenizer": {{"type": "Sequence", "pretokenizers": [{{"type": "Split", "pattern": {{"Regex": {}}}}},
                        {{"type": "ByteLevel", "use_regex": false}}]}}{}}})",
        write_json_string(regex), more);
    return gguf_pre_tokenizer_name(parsed(text)).value_or("none");
  };
  constexpr std::string_view kQwen2 =
      R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
  constexpr std::string_view kLlama3 =
      R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
  EXPECT_EQ(name(kQwen2), "stablelm2");
  EXPECT_EQ(name(kQwen2, R"(, "normalizer": {"type": "NFC"})"), "qwen2");
  EXPECT_EQ(name(kLlama3), "dbrx");
  EXPECT_EQ(name(kLlama3, R"(, "model": {"ignore_merges": true})"), "llama-bpe");
  EXPECT_EQ(name("x"), "none");
  const auto name_of = [](std::string_view steps) {
    return gguf_pre_tokenizer_name(
               parsed(fmt::format(R"({{"pre_tokenizer": {{"type": "Sequence", "pretokenizers": [{}]}}}})", steps)))
        .value_or("none");
  };
  constexpr std::string_view kBytes = R"({"type": "ByteLevel"})";
  EXPECT_EQ(name_of(fmt::format(R"({{"type": "Digits", "individual_digits": true}}, {})", kBytes)), "smollm");
  EXPECT_EQ(name_of(fmt::format(R"({{"type": "Punctuation"}}, {}, {{"type": "Digits", "individual_digits": false}},
                                   {{"type": "Split", "pattern": {{"Regex": "[0-9][0-9][0-9]"}}}})",
                                kBytes)),
            "falcon");
  EXPECT_EQ(name_of(fmt::format(R"({{"type": "Digits", "individual_digits": false}}, {})", kBytes)), "none");
}

// One table is read and written: a family's own patterns have its first name.
TEST(PreTokenizerName, EveryFamilyOfPatternsIsWrittenAsItIsRead) {
  for (const NamedPreTokenizer& known : named_pre_tokenizers()) {
    if (known.names[0] == "falcon") continue;  // not of patterns alone, see above
    json::array steps;
    for (const std::string_view regex : known.patterns) {
      steps.emplace_back(json::object{{"type", "Split"}, {"pattern", json::object{{"Regex", std::string(regex)}}}});
    }
    const json::object document = {{"normalizer", json::object{{"type", known.nfc ? "NFC" : "Lowercase"}}},
                                   {"pre_tokenizer", json::object{{"type", "Sequence"}, {"pretokenizers", steps}}},
                                   {"model", json::object{{"ignore_merges", known.ignore_merges}}}};
    const auto name = gguf_pre_tokenizer_name(document);
    ASSERT_TRUE(name) << known.names[0];
    const auto same = [&](const NamedPreTokenizer& other) { return other.names[0] == *name; };
    const auto found = std::ranges::find_if(named_pre_tokenizers(), same);
    EXPECT_EQ(found->patterns, known.patterns) << *name;
    EXPECT_EQ(found->ignore_merges, known.ignore_merges) << *name;
    EXPECT_EQ(found->nfc, known.nfc) << *name;
  }
}

// A llama of one layer, its tensors counting up.
class Convert : public testing::Test {
 protected:
  Convert() {
    folder_.write("config.json",
                  R"({"model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 32,
                      "intermediate_size": 48, "num_hidden_layers": 1, "num_attention_heads": 4,
                      "num_key_value_heads": 2, "vocab_size": 7, "max_position_embeddings": 64,
                      "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "tie_word_embeddings": true, "bos_token_id": 4,
                      "eos_token_id": [4, 3], "hidden_act": "silu"})");
    folder_.write("tokenizer.json", kByteLevel);
    folder_.write("tokenizer_config.json",
                  R"({"eos_token": {"content": "<|end|>"}, "chat_template": "{{ messages }}"})");
    const std::vector<std::pair<std::string, std::vector<int64_t>>> tensors = {
        {"model.embed_tokens.weight", {7, 32}},
        {"model.norm.weight", {32}},
        {"model.layers.0.input_layernorm.weight", {32}},
        {"model.layers.0.self_attn.q_proj.weight", {32, 32}},
        {"model.layers.0.self_attn.k_proj.weight", {16, 32}},
        {"model.layers.0.self_attn.v_proj.weight", {16, 32}},
        {"model.layers.0.self_attn.o_proj.weight", {32, 32}},
        {"model.layers.0.post_attention_layernorm.weight", {32}},
        {"model.layers.0.mlp.gate_proj.weight", {48, 32}},
        {"model.layers.0.mlp.up_proj.weight", {48, 32}},
        {"model.layers.0.mlp.down_proj.weight", {32, 48}},
    };
    SafetensorsWriter writer;
    for (const auto& [name, dims] : tensors) {
      int64_t n = 1;
      for (const int64_t dim : dims) n *= dim;
      std::vector<float> values;
      for (int64_t i = 0; i < n; ++i) values.push_back(static_cast<float>(i));
      writer.tensor(name, dims, values);
    }
    folder_.write("model.safetensors", writer.bytes());
  }
  std::string out() const { return target_.path() + "/out.gguf"; }
  Result<QuantizeReport> run(const ConvertOptions& options = {}) const {
    return convert_folder(folder_.path(), out(), options, {});
  }

  TempFolder folder_, target_;
};

TEST_F(Convert, WritesWhatLlamaCppWrites) {
  const auto report = run();
  ASSERT_TRUE(report) << report.error().message();
  const GgufFile file = *GgufFile::open(out());
  const GgufMetadata& metadata = file.metadata();
  EXPECT_EQ(*metadata.get<std::string_view>("general.architecture"), "llama");
  EXPECT_EQ(*metadata.get<int64_t>("llama.attention.head_count_kv"), 2);
  EXPECT_EQ(*metadata.get<int64_t>("llama.rope.dimension_count"), 8);
  EXPECT_EQ(*metadata.get<std::string_view>("tokenizer.ggml.model"), "gpt2");
  EXPECT_EQ(*metadata.get<int64_t>("tokenizer.ggml.bos_token_id"), 4);
  EXPECT_EQ(*metadata.get<int64_t>("tokenizer.ggml.eos_token_id"), 4);
  EXPECT_EQ(*metadata.get<int64_t>("tokenizer.ggml.eot_token_id"), 3);
  EXPECT_EQ(*metadata.get<bool>("tokenizer.ggml.add_bos_token"), true);
  EXPECT_EQ(*metadata.get<std::string_view>("tokenizer.chat_template"), "{{ messages }}");
  ASSERT_EQ(file.tensors().size(), 11u);
  EXPECT_EQ(file.tensors()[0].name, "token_embd.weight");
  EXPECT_EQ(file.tensors()[10].name, "output_norm.weight");
  for (const WeightView& tensor : file.tensors()) EXPECT_EQ(tensor.dtype, DType::kF32);
  EXPECT_THAT(report->notes, testing::IsEmpty());
}

// Rows of q and k: the halves of each head of 8 alternate.
TEST_F(Convert, InterleavesTheRotatedRows) {
  ASSERT_TRUE(run());
  const auto model = Model::open(out());
  ASSERT_TRUE(model) << model.error().message();
  const WeightView* q = model->weights().find("blk.0.attn_q.weight");
  std::vector<float> first;
  for (size_t row = 0; row < 32; ++row) {
    float value;
    std::memcpy(&value, q->bytes.data() + row * 32 * sizeof(float), sizeof(value));
    first.push_back(value / 32);
  }
  EXPECT_THAT(first, ElementsAre(0, 4, 1, 5, 2, 6, 3, 7, 8, 12, 9, 13, 10, 14, 11, 15, 16, 20, 17, 21, 18, 22, 19, 23,
                                 24, 28, 25, 29, 26, 30, 27, 31));
}

TEST_F(Convert, QuantisesOnTheWay) {
  const auto report = run({.type = DType::kQ8_0});
  ASSERT_TRUE(report) << report.error().message();
  const GgufFile file = *GgufFile::open(out());
  EXPECT_EQ(*file.metadata().get<int64_t>("general.file_type"), 7);
  EXPECT_THAT(report->tensors, ElementsAre(testing::Pair("f16", 1), testing::Pair("f32", 3), testing::Pair("q8_0", 7)));
  EXPECT_THAT(report->notes, ElementsAre(HasSubstr("1 tensors have rows that do not fill blocks of q8_0")));
}

TEST_F(Convert, AFolderWithoutVocabularySaysSo) {
  std::filesystem::remove(folder_.path() + "/tokenizer.json");
  const auto report = run();
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_THAT(report->notes, ElementsAre(HasSubstr("has no tokenizer: the file has no vocabulary")));
}

TEST_F(Convert, TakesTheVocabularyFromWhicheverFileHasIt) {
  std::filesystem::remove(folder_.path() + "/tokenizer.json");
  folder_.write("vocab.json", R"({"a": 0, "b": 1, "ab": 2, "<|endoftext|>": 3})");
  folder_.write("merges.txt", "#version: 0.2\na b\n");
  folder_.write("tokenizer_config.json", R"({"tokenizer_class": "GPT2Tokenizer"})");
  const auto merges = run();
  ASSERT_TRUE(merges) << merges.error().message();
  EXPECT_THAT(merges->notes, testing::IsEmpty());
  const GgufFile gpt2 = *GgufFile::open(out());
  EXPECT_EQ(*gpt2.metadata().get<std::string_view>("tokenizer.ggml.pre"), "gpt-2");
  EXPECT_THAT(*gpt2.metadata().strings("tokenizer.ggml.tokens"),
              ElementsAre("a", "b", "ab", "<|endoftext|>", "[PAD4]", "[PAD5]", "[PAD6]"));
  EXPECT_EQ(*gpt2.metadata().get<int64_t>("tokenizer.ggml.eos_token_id"), 3) << "the class's own";

  // Pieces "<unk>", "a", "▁" of a SentencePiece BPE.
  using namespace std::string_literals;
  folder_.write("tokenizer.model",
                "\x0a\x09\x0a\x05<unk>\x18\x02\x0a\x03\x0a\x01"
                "a\x0a\x05\x0a\x03▁\x12\x02\x18\x02"s);
  folder_.write("tokenizer_config.json", "{}");
  const auto sentence_piece = run();
  ASSERT_TRUE(sentence_piece) << sentence_piece.error().message();
  const GgufFile llama = *GgufFile::open(out());
  EXPECT_EQ(*llama.metadata().get<std::string_view>("tokenizer.ggml.model"), "llama");
  EXPECT_THAT(*llama.metadata().numbers<int32_t>("tokenizer.ggml.token_type"), ElementsAre(2, 1, 1, 5, 5, 5, 5));
  EXPECT_EQ(*llama.metadata().get<bool>("tokenizer.ggml.remove_extra_whitespaces"), true);
}

TEST_F(Convert, RefusesWhatGgufHasNoKeyFor) {
  const std::string config = *read_text_file(folder_.path() + "/config.json", 1 << 20);
  folder_.write("config.json",
                config.substr(0, config.rfind('}')) + R"(, "rope_scaling": {"rope_type": "dynamic", "factor": 2.0}})");
  const auto report = run();
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(report.error().message(), testing::AllOf(HasSubstr("GGUF cannot express its dynamic rope"),
                                                       HasSubstr("run the model from its folder")));
  EXPECT_FALSE(std::filesystem::exists(out()));
}

TEST(ConvertCheck, TheConstantsOfGptOssAreComparedToo) {
  const auto config_of = [](double limit) {
    return read_hf_config(fmt::format(R"({{"model_type": "gpt_oss", "architectures": ["GptOssForCausalLM"],
      "hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
      "num_key_value_heads": 2, "head_dim": 16, "vocab_size": 16, "num_local_experts": 4, "num_experts_per_tok": 2,
      "sliding_window": 8, "swiglu_limit": {:.1f}}})",
                                      limit),
                          "config.json");
  };
  for (const double limit : {7.0, 9.0}) {
    const auto config = config_of(limit);
    ASSERT_TRUE(config) << config.error().message();
    const auto written = config_to_gguf(*config, "gpt-oss");
    EXPECT_EQ(written.has_value(), limit == 7.0);
    if (written) continue;
    EXPECT_THAT(written.error().message(), HasSubstr("swiglu_limit"));
  }
}

TEST_F(Convert, RefusesWhatIsNoFolder) {
  const auto report = convert_folder(out(), out(), {}, {});
  ASSERT_FALSE(report);
  EXPECT_THAT(report.error().message(), HasSubstr("is no folder"));
  folder_.write("tokenizer.json", "{");
  EXPECT_FALSE(run());
  EXPECT_FALSE(std::filesystem::exists(out()));
}

}  // namespace
}  // namespace bp
