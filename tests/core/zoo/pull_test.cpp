#include "zoo/pull.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <thread>

#include "http_server.h"
#include "zoo_fixture.h"

namespace bp::testing {
namespace {

using ::testing::HasSubstr;

class Pull : public ZooTest {};

TEST(Zoo, ModelsAreComplete) {
  for (const ZooModel& model : zoo_models()) {
    EXPECT_EQ(find_zoo_model(model.name), &model);
    for (const std::string& text : {model.description, model.family, model.licence})
      EXPECT_FALSE(text.empty()) << model.name;
    EXPECT_TRUE(model.format == "gguf" || model.format == "hf") << model.name;
    EXPECT_EQ(model.is_folder(), !model.target.empty()) << model.name;
    EXPECT_GT(model.memory_bytes, model.size_bytes()) << model.name;
    EXPECT_FALSE(model.sources.empty()) << model.name;
    EXPECT_TRUE(model.is_folder() || model.files.size() == 1) << model.name;
    for (const ZooFile& file : model.files) {
      EXPECT_TRUE(is_safe_name(file.name)) << file.name;
      EXPECT_EQ(file.sha256.empty(), file.size_bytes == 0) << file.name;
      EXPECT_TRUE(file.sha256.empty() || file.sha256.size() == 64) << file.name;
    }
    for (const ZooSource& source : model.sources) {
      const auto* wheels = std::get_if<WheelSource>(&source);
      if (wheels == nullptr) continue;
      EXPECT_NE(model.size_bytes(), 0u) << model.name << ": what a wheel unpacks must have a bound";
      EXPECT_TRUE(!model.is_folder() || wheels->wheels.size() == 1) << model.name;
      for (const Wheel& wheel : wheels->wheels) EXPECT_EQ(wheel.member.ends_with('/'), model.is_folder());
    }
  }
  EXPECT_EQ(find_zoo_model("no-such-model"), nullptr);
}

TEST(Zoo, ModelsAreKeptInTheDataFolder) {
  const char* before = std::getenv("XDG_DATA_HOME");
  const std::string kept = before == nullptr ? "" : before;
  ::setenv("XDG_DATA_HOME", "/data", 1);
  EXPECT_EQ(default_models_dir(), "/data/backplane/models");
  ::setenv("XDG_DATA_HOME", "relative", 1);
  EXPECT_THAT(default_models_dir(), ::testing::EndsWith("/.local/share/backplane/models"));
  if (before == nullptr) {
    ::unsetenv("XDG_DATA_HOME");
  } else {
    ::setenv("XDG_DATA_HOME", kept.c_str(), 1);
  }
}

TEST_F(Pull, AnUnknownNameSaysWhichThereAre) {
  const auto result = pull("no-such-model", options_);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kUsage);
  EXPECT_THAT(result.error().message(), HasSubstr("smollm2-135m-instruct"));
}

TEST_F(Pull, WhatIsHereNeedsNoSource) {
  write(path(), file_);
  EXPECT_TRUE(find_pulled(model_, options_.models_dir));
  EXPECT_FALSE(exists(".sha256")) << "looking writes nothing";
  expect_pulled(pull_model(model_, options_));
  expect_pulled(pull_model(model_, options_));
}

TEST_F(Pull, AFileThatWasTouchedIsReadAgain) {
  write(path(), file_);
  expect_pulled(pull_model(model_, options_));
  std::string wrong = file_;
  wrong[5] = static_cast<char>(wrong[5] ^ 1);
  write(path(), wrong);
  std::filesystem::last_write_time(path(), std::filesystem::file_time_type::clock::now() + std::chrono::seconds(5));
  EXPECT_FALSE(find_pulled(model_, options_.models_dir));
}

TEST_F(Pull, ASpoiltFileIsReplaced) {
  write(path(), file_.substr(0, 1000));
  const HttpServer server([&](const HttpRequest& request) { return file_reply(request, file_); });
  use_hub(server.url());
  expect_pulled(pull_model(model_, options_));
}

TEST_F(Pull, TooLittleDiskIsSaidBeforehand) {
  use_hub("http://127.0.0.1:9");
  model_.files[0].size_bytes = uint64_t{1} << 60;
  const auto result = pull_model(model_, options_);
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message(), HasSubstr("bytes of disk"));
}

TEST_F(Pull, AFolderThatCannotBeWrittenIsNamed) {
  write(folder_ + "/models", "a file");
  use_hub("http://127.0.0.1:9");
  const auto result = pull_model(model_, options_);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kFailed);
  EXPECT_THAT(result.error().message(), HasSubstr("models"));
}

TEST_F(Pull, WithoutASourceOfTheWantedKindsItSaysSo) {
  use_hub("http://127.0.0.1:9");
  options_.sources = {"wheel"};
  const auto result = pull_model(model_, options_);
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message(), HasSubstr("no source of the kinds wheel"));
}

TEST_F(Pull, EverySourceThatFailedIsTold) {
  model_.sources = {HubSource{"me/tiny", "main"}, WheelSource{{{"tiny", "1", "f"}}}};
  options_.hub_url = "http://127.0.0.1:1";
  options_.python = folder_ + "/no-python";
  const auto result = pull_model(model_, options_);
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message(), HasSubstr("hub me/tiny: "));
  EXPECT_THAT(result.error().message(), HasSubstr("wheel tiny 1: "));
}

TEST_F(Pull, NamesThatLeaveTheFolderAreRefused) {
  model_.files[0].name = "../x";
  EXPECT_FALSE(pull_model(model_, options_));
  model_.files[0].name = "tiny.gguf";
  model_.name = "..";
  EXPECT_FALSE(pull_model(model_, options_));
}

TEST_F(Pull, WaitingForAnotherPullCanBeInterrupted) {
  std::stop_source stop;
  options_.stop = stop.get_token();
  const HttpServer server([&](const HttpRequest& request) {
    HttpReply reply = file_reply(request, file_);
    reply.piece = 1000;
    reply.pause_ms = 100;
    return reply;
  });
  use_hub(server.url());
  std::vector<std::jthread> pulls;
  std::atomic<int> n_interrupted = 0;
  for (int i = 0; i < 2; ++i) {
    pulls.emplace_back([&] {
      const auto result = pull_model(model_, options_);
      if (!result && result.error().code == ErrorCode::kInterrupted) ++n_interrupted;
    });
  }
  while (server.requests().empty()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  stop.request_stop();
  pulls.clear();
  EXPECT_EQ(n_interrupted, 2);
}

}  // namespace
}  // namespace bp::testing
