// Files whose hash the manifest does not know, and models that are folders.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "http_server.h"
#include "zoo/note.h"
#include "zoo_fixture.h"

namespace bp::testing {
namespace {

using ::testing::HasSubstr;

class UnknownHash : public ZooTest {
 protected:
  void SetUp() override {
    ZooTest::SetUp();
    file_ = "GGUF" + file_;
    model_.files = {{"tiny.gguf"}};
  }
  Result<PulledModel> pull_from(const HttpServer::Handler& handler) {
    const HttpServer server(handler);
    use_hub(server.url());
    auto result = pull_model(model_, options_);
    requests_ = server.requests();
    return result;
  }
  void expect_refused(const Result<PulledModel>& result, const std::string& why) const {
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::kRefused);
    EXPECT_THAT(result.error().message(), HasSubstr(why));
    EXPECT_FALSE(exists());
    EXPECT_FALSE(exists(".sha256"));
  }
  std::vector<HttpRequest> requests_;
};

TEST_F(UnknownHash, IsThatOfWhatCame) {
  const auto result = pull_from([&](const HttpRequest& request) { return file_reply(request, file_); });
  ASSERT_TRUE(result) << result.error().message();
  EXPECT_EQ(result->sha256, sha256_hex(file_));
  EXPECT_EQ(result->size_bytes, file_.size());
  EXPECT_TRUE(content(path()) == file_);
  EXPECT_TRUE(find_pulled(model_, options_.models_dir));
}

TEST_F(UnknownHash, TheHubsWordIsTaken) {
  const auto with_hash = [&](const std::string& hash) {
    return pull_from([&, hash](const HttpRequest& request) {
      if (request.path == "/cdn") return file_reply(request, file_);
      return HttpReply{.status = 302,
                       .headers = {"Location: /cdn", fmt::format("X-Linked-Etag: \"{}\"", hash),
                                   fmt::format("X-Linked-Size: {}", file_.size())}};
    });
  };
  expect_refused(with_hash(sha256_hex("another")), "has sha256");
  EXPECT_FALSE(exists(".part"));
  EXPECT_TRUE(with_hash(sha256_hex(file_)));
}

TEST_F(UnknownHash, LengthsThatContradictEachOtherAreRefused) {
  expect_refused(pull_from([&](const HttpRequest& request) {
                   if (request.path == "/cdn") return file_reply(request, file_);
                   return HttpReply{.status = 302, .headers = {"Location: /cdn", "X-Linked-Size: 77"}};
                 }),
                 "bytes, not 77");
  write(path(".part"), file_.substr(0, 1000));
  expect_refused(pull_from([&](const HttpRequest& request) {
                   HttpReply reply = file_reply(request, file_);
                   reply.headers.back() =
                       fmt::format("Content-Range: bytes 1000-{}/{}", file_.size() - 1, file_.size() + 5);
                   return reply;
                 }),
                 fmt::format("not {}", file_.size() + 5));
}

TEST_F(UnknownHash, WithoutAnyLengthItIsRefused) {
  expect_refused(pull_from([&](const HttpRequest&) { return HttpReply{.body = file_, .no_length = true}; }),
                 "does not say how large it is");
}

TEST_F(UnknownHash, APageInItsPlaceIsRefused) {
  expect_refused(pull_from([&](const HttpRequest&) { return HttpReply{.body = "<html>Log in</html>"}; }),
                 "begins as no such file does");
  expect_refused(pull_from([&](const HttpRequest&) { return HttpReply{.body = ""}; }), "has 0 bytes");
}

TEST_F(UnknownHash, MoreThanTheDiskHoldsIsRefusedBeforeItIsFetched) {
  const auto result =
      pull_from([&](const HttpRequest&) { return HttpReply{.body = file_, .claimed_length = size_t{1} << 60}; });
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message(), HasSubstr("bytes of disk"));
  EXPECT_FALSE(exists());
}

TEST_F(UnknownHash, AFileThatChangedOnDiskIsFetchedAgain) {
  ASSERT_TRUE(pull_from([&](const HttpRequest& request) { return file_reply(request, file_); }));
  write(path(), file_.substr(1));
  EXPECT_FALSE(find_pulled(model_, options_.models_dir));
  ASSERT_TRUE(pull_from([&](const HttpRequest& request) { return file_reply(request, file_); }));
  EXPECT_TRUE(content(path()) == file_);
}

class Folder : public UnknownHash {
 protected:
  void SetUp() override {
    UnknownHash::SetUp();
    weights_ = std::string(8, '\0') + "{" + file_;
    model_ = {.name = "tiny",
              .format = "hf",
              .target = "Tiny",
              .files = {{"config.json", 2, sha256_hex("{}")},
                        {"1_Pooling/config.json"},
                        {"model.safetensors", weights_.size(), sha256_hex(weights_)}}};
  }
  HttpReply reply(const HttpRequest& request) const {
    const std::string begin = "/me/tiny/resolve/abc123/";
    if (request.path == begin + "model.safetensors") return file_reply(request, weights_, "\"w\"");
    if (request.path == begin + "1_Pooling/config.json") return file_reply(request, "{\"a\": 1}", "\"p\"");
    return file_reply(request, "{}", "\"c\"");
  }
  std::string in_folder(const std::string& name) const { return options_.models_dir + "/tiny/Tiny/" + name; }
  std::string weights_;
};

TEST_F(Folder, IsThereWhenAllOfItIs) {
  const auto result = pull_from([&](const HttpRequest& request) { return reply(request); });
  ASSERT_TRUE(result) << result.error().message();
  EXPECT_EQ(result->path, options_.models_dir + "/tiny/Tiny");
  EXPECT_EQ(result->size_bytes, weights_.size() + 2 + 8);
  EXPECT_EQ(result->sha256,
            sha256_hex(fmt::format("{}  config.json\n{}  1_Pooling/config.json\n{}  model.safetensors\n",
                                   sha256_hex("{}"), sha256_hex("{\"a\": 1}"), sha256_hex(weights_))));
  EXPECT_EQ(content(in_folder("1_Pooling/config.json")), "{\"a\": 1}");
  EXPECT_TRUE(content(in_folder("model.safetensors")) == weights_);
  EXPECT_FALSE(std::filesystem::exists(options_.models_dir + "/tiny/Tiny.part"));
  EXPECT_TRUE(find_pulled(model_, options_.models_dir));
}

TEST_F(Folder, WhatWasAcceptedIsKeptAndTheRestFetchedNext) {
  const auto broken = pull_from([&](const HttpRequest& request) {
    return request.path.ends_with(".safetensors") ? HttpReply{.status = 404} : reply(request);
  });
  ASSERT_FALSE(broken);
  EXPECT_FALSE(std::filesystem::exists(options_.models_dir + "/tiny/Tiny"));
  ASSERT_TRUE(pull_from([&](const HttpRequest& request) { return reply(request); }));
  ASSERT_EQ(requests_.size(), 1u);
  EXPECT_THAT(requests_[0].path, ::testing::EndsWith("model.safetensors"));
}

TEST_F(Folder, AFileThatIsMissingOrSpoiltIsFetchedAgain) {
  ASSERT_TRUE(pull_from([&](const HttpRequest& request) { return reply(request); }));
  write(in_folder("config.json"), "[]");
  EXPECT_FALSE(find_pulled(model_, options_.models_dir));
  ASSERT_TRUE(pull_from([&](const HttpRequest& request) { return reply(request); }));
  EXPECT_EQ(content(in_folder("config.json")), "{}");
}

TEST_F(Folder, NamesOutsideOfItAreRefused) {
  for (const char* name : {"../x", "/etc/x", "a/../../x", "a//b", ".hidden", "a b", "a\\b", ""}) {
    model_.files[1].name = name;
    EXPECT_FALSE(pull_from([&](const HttpRequest& request) { return reply(request); })) << name;
    EXPECT_TRUE(requests_.empty()) << name;
  }
}

TEST(Note, IsReadBackOrRefused) {
  const std::vector<NoteLine> lines = {{sha256_hex("a"), 5, 7}, {sha256_hex("b"), 0, 0}};
  EXPECT_EQ(parse_note(write_note(lines)), lines);
  EXPECT_EQ(parse_note(""), std::vector<NoteLine>{});
  const std::string hash = sha256_hex("a");
  const std::vector<std::string> others = {hash,
                                           hash + " 1\n",
                                           hash + " 1 2",
                                           hash + " -1 2\n",
                                           hash + " 1 99999999999999999999\n",
                                           std::string(64, 'g') + " 1 2\n",
                                           " 1 2\n",
                                           "\n"};
  for (const std::string& text : others) {
    EXPECT_FALSE(parse_note(text)) << text;
  }
}

}  // namespace
}  // namespace bp::testing
