// Several processes that pull the same model, or die while they do; disks that are full; redirects that lead away.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "http_server.h"
#include "zoo_fixture.h"

namespace bp::testing {
namespace {

using ::testing::HasSubstr;

class Processes : public ZooTest {
 protected:
  // A process that pulls; 0 where it could.
  pid_t start_pull() const {
    const pid_t pid = ::fork();
    if (pid == 0) ::_exit(pull_model(model_, options_) ? 0 : 1);
    return pid;
  }
  static int end_of(pid_t pid) {
    int status = -1;
    ::waitpid(pid, &status, 0);
    return status;
  }
  uint64_t part_bytes() const {
    std::error_code error;
    const uintmax_t size = std::filesystem::file_size(path(".part"), error);
    return error ? 0 : size;
  }
};

TEST_F(Processes, AtOnceFetchOnce) {
  const HttpServer server([&](const HttpRequest& request) {
    HttpReply reply = file_reply(request, file_);
    reply.piece = 50'000;
    reply.pause_ms = 50;
    return reply;
  });
  use_hub(server.url());
  std::vector<pid_t> children;
  for (int i = 0; i < 4; ++i) children.push_back(start_pull());
  for (const pid_t child : children) EXPECT_EQ(end_of(child), 0);
  EXPECT_EQ(server.requests().size(), 1u);
  expect_pulled(pull_model(model_, options_));
}

TEST_F(Processes, ThatAreKilledLeaveAPartAndNoLock) {
  const HttpServer server([&](const HttpRequest& request) {
    HttpReply reply = file_reply(request, file_);
    reply.piece = 20'000;
    reply.pause_ms = request.range_begin() ? 0 : 50;
    return reply;
  });
  use_hub(server.url());
  const pid_t child = start_pull();
  while (part_bytes() < 60'000) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  ::kill(child, SIGKILL);
  end_of(child);
  EXPECT_FALSE(exists());
  expect_pulled(pull_model(model_, options_));
  EXPECT_GE(server.requests().back().range_begin().value_or(0), 60'000u);
}

TEST_F(Processes, RemovingWaitsForAPullAndLeavesNothing) {
  ASSERT_FALSE(remove_pulled("no-such-model", options_));
  const ZooModel& gemma = *find_zoo_model("gemma-3-270m");
  const std::string folder = options_.models_dir + "/" + gemma.name;
  const auto missing = remove_pulled(gemma.name, options_);
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message(), HasSubstr("is not in"));
  write(folder + "/" + gemma.files[0].name, "x");
  write(folder + "/" + gemma.files[0].name + ".part", "x");
  const auto removed = remove_pulled(gemma.name, options_);
  ASSERT_TRUE(removed) << removed.error().message();
  EXPECT_EQ(removed->size_bytes, 1u);
  EXPECT_FALSE(std::filesystem::exists(folder));
  write(folder + "/" + gemma.files[0].name, "x");
  write(folder + "/notes of mine", "x");
  ASSERT_TRUE(remove_pulled(gemma.name, options_));
  EXPECT_TRUE(std::filesystem::exists(folder + "/notes of mine"));
}

TEST_F(Processes, AFullDiskIsSaid) {
  const HttpServer server([&](const HttpRequest& request) { return file_reply(request, file_); });
  use_hub(server.url());
  std::filesystem::create_directories(options_.models_dir + "/tiny");
  std::filesystem::create_symlink("/dev/full", path(".part"));
  const auto result = pull_model(model_, options_);
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message(), HasSubstr("No space left on device"));
  EXPECT_FALSE(exists());
}

TEST_F(Processes, RedirectsToAnotherHostAreFollowedAndLoopsAreNot) {
  const HttpServer store([&](const HttpRequest& request) { return file_reply(request, file_); });
  const HttpServer hub(
      [&](const HttpRequest&) { return HttpReply{.status = 302, .headers = {"Location: " + store.url() + "/blob"}}; });
  use_hub(hub.url());
  expect_pulled(pull_model(model_, options_));
  EXPECT_EQ(store.requests().back().path, "/blob");
  std::filesystem::remove_all(options_.models_dir);
  const HttpServer loop([&](const HttpRequest& request) {
    return HttpReply{.status = 307, .headers = {request.path == "/a" ? "Location: /b" : "Location: /a"}};
  });
  use_hub(loop.url());
  EXPECT_FALSE(pull_model(model_, options_));
  EXPECT_LE(loop.requests().size(), 6u);
  EXPECT_FALSE(exists());
}

TEST_F(Processes, NamesThatAServerGivesAreNotUsed) {
  const HttpServer server([&](const HttpRequest& request) {
    HttpReply reply = file_reply(request, file_);
    reply.headers.emplace_back("Content-Disposition: attachment; filename=\"../../evil.gguf\"");
    return reply;
  });
  use_hub(server.url());
  expect_pulled(pull_model(model_, options_));
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_)) {
    EXPECT_EQ(entry.path().string().find("evil"), std::string::npos);
  }
}

TEST_F(Processes, TermsAreShownOnceAndBeforeAnything) {
  const HttpServer server([&](const HttpRequest& request) { return file_reply(request, file_); });
  use_hub(server.url());
  model_.terms = "Be good.";
  int n_shown = 0;
  options_.show_terms = [&](const ZooModel& model) {
    EXPECT_EQ(model.terms, "Be good.");
    EXPECT_TRUE(server.requests().empty());
    ++n_shown;
  };
  expect_pulled(pull_model(model_, options_));
  expect_pulled(pull_model(model_, options_));
  EXPECT_EQ(n_shown, 1);
  EXPECT_THAT(content(options_.models_dir + "/tiny/terms.txt"), HasSubstr("Be good."));
}

}  // namespace
}  // namespace bp::testing
