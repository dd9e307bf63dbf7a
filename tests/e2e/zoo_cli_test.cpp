// The zoo's commands, and the example of docs/zoo.md, against a hub on this machine.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <sstream>

#include "../core/zoo/http_server.h"
#include "base/mapped_file.h"
#include "program.h"

namespace bp::e2e {
namespace {

using bp::testing::HttpReply;
using bp::testing::HttpRequest;
using bp::testing::HttpServer;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

class ZooCli : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = (std::filesystem::temp_directory_path() / "zoo_cli.XXXXXX").string();
    ASSERT_NE(::mkdtemp(folder_.data()), nullptr);
    ::setenv("BACKPLANE_MODELS_DIR", (folder_ + "/models").c_str(), 1);
    ::setenv("HF_ENDPOINT", hub_.url().c_str(), 1);
    for (const char* variable : {"http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"}) ::unsetenv(variable);
  }
  void TearDown() override {
    ::unsetenv("BACKPLANE_MODELS_DIR");
    ::unsetenv("HF_ENDPOINT");
    std::filesystem::remove_all(folder_);
  }
  std::string folder_;
  HttpServer hub_{[](const HttpRequest& request) {
    if (request.path.ends_with(".json")) return HttpReply{.body = "{}"};
    if (request.path.ends_with(".gguf")) return HttpReply{.body = "GGUF of a test"};
    return HttpReply{.body = std::string(8, '\0') + "{}"};
  }};
};

TEST_F(ZooCli, TheExampleOfTheDocumentationRuns) {
  const std::string page = read_text_file(BP_SOURCE_DIR "/docs/zoo.md", 1 << 20).value();
  const size_t begin = page.find("```\n") + 4;
  std::istringstream block(page.substr(begin, page.find("```", begin) - begin));
  int n_commands = 0;
  for (std::string line; std::getline(block, line); ++n_commands) {
    std::istringstream words(line);
    std::vector<std::string> args;
    for (std::string word; words >> word;) args.push_back(word);
    ASSERT_EQ(args.front(), "backplane");
    const Outcome outcome = run({args.begin() + 1, args.end()});
    EXPECT_EQ(outcome.exit_code, 0) << line << ": " << outcome.err;
  }
  EXPECT_EQ(n_commands, 4);
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/models/gpt2"));
}

TEST_F(ZooCli, PullListAndRmSayTheSameOfAModel) {
  EXPECT_EQ(run({"list", "--json"}).document().at("models").as_array().size(), 0u);
  const Outcome pulled = run({"pull", "gpt2", "--json"});
  ASSERT_EQ(pulled.exit_code, 0) << pulled.err;
  const json::value model = pulled.document();
  EXPECT_EQ(model.at("name").as_string(), "gpt2");
  EXPECT_EQ(std::string(model.at("path").as_string()), folder_ + "/models/gpt2/gpt2");
  EXPECT_EQ(model.at("sha256").as_string().size(), 64u);
  EXPECT_EQ(model.at("size").as_int64(), 2 + 2 + 2 + 10);
  EXPECT_EQ(run({"pull", "gpt2", "--json"}).document(), model);
  EXPECT_EQ(hub_.requests().size(), 4u);
  EXPECT_EQ(run({"list", "--json"}).document().at("models"), json::value(json::array{model}));
  EXPECT_EQ(run({"rm", "gpt2", "--json"}).document(), model);
  EXPECT_EQ(run({"rm", "gpt2"}).exit_code, 1);
}

TEST_F(ZooCli, ListAllNamesEveryFamilyWithItsLicenceAndMemory) {
  const json::value document = run({"list", "--all", "--json"}).document();
  std::vector<std::string> families;
  for (const json::value& model : document.at("models").as_array()) {
    families.emplace_back(model.at("family").as_string());
    EXPECT_TRUE(model.at("path").is_null());
    EXPECT_FALSE(model.at("licence").as_string().empty());
    EXPECT_GT(model.at("memory_bytes").to_number<uint64_t>(), 100'000'000u);
  }
  for (const char* family : {"llama", "mistral", "mixtral", "qwen2", "qwen3", "qwen3_moe", "deepseek_v2", "deepseek_v3",
                             "falcon", "gemma2", "gemma3", "gpt_oss", "gpt2", "phi3", "olmo2", "granite", "bert"}) {
    EXPECT_THAT(families, ::testing::Contains(family));
  }
}

TEST_F(ZooCli, TermsAreShownOnceOnStandardError) {
  const Outcome first = run({"pull", "llama-3.2-1b-instruct", "--json"});
  ASSERT_EQ(first.exit_code, 0) << first.err;
  EXPECT_THAT(first.err, HasSubstr("Llama Community License"));
  EXPECT_THAT(std::string(first.document().at("path").as_string()), EndsWith("/Llama-3.2-1B-Instruct-Q4_K_M.gguf"));
  EXPECT_THAT(run({"pull", "llama-3.2-1b-instruct"}).err, Not(HasSubstr("License")));
}

TEST_F(ZooCli, NamesThatThereAreNotAreWrongUsage) {
  for (const char* command : {"pull", "rm"}) {
    const Outcome outcome = run({command, "../x", "--json"});
    EXPECT_EQ(outcome.exit_code, 2);
    EXPECT_THAT(outcome.err, HasSubstr("is no model of the zoo"));
    EXPECT_EQ(outcome.document().at("error").at("code").as_string(), "usage");
  }
}

}  // namespace
}  // namespace bp::e2e
