#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include "http_server.h"
#include "zoo_fixture.h"

namespace bp::testing {
namespace {

using ::testing::HasSubstr;

class Hub : public ZooTest {
 protected:
  // Pulls from a server that answers as the handler says; keeps the requests it saw.
  Result<PulledModel> pull_from(HttpServer::Handler handler) {
    const HttpServer server(std::move(handler));
    use_hub(server.url());
    auto result = pull_model(model_, options_);
    requests_ = server.requests();
    return result;
  }
  void expect_refused(const Result<PulledModel>& result) const {
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::kRefused) << result.error().message();
    EXPECT_FALSE(exists());
  }
  std::vector<HttpRequest> requests_;
};

TEST_F(Hub, BringsTheFileOnce) {
  const HttpServer server([&](const HttpRequest& request) { return file_reply(request, file_); });
  use_hub(server.url() + "/");
  expect_pulled(pull_model(model_, options_));
  expect_pulled(pull_model(model_, options_));
  ASSERT_EQ(server.requests().size(), 1u);
  EXPECT_EQ(server.requests()[0].path, "/me/tiny/resolve/abc123/tiny.gguf");
}

TEST_F(Hub, GoesOnWhereTheConnectionBroke) {
  std::atomic<int> n = 0;
  expect_pulled(pull_from([&](const HttpRequest& request) {
    HttpReply reply = file_reply(request, file_);
    if (++n > 2) return reply;
    reply.claimed_length = reply.body.size();
    reply.body.resize(70'000);
    return reply;
  }));
  ASSERT_EQ(requests_.size(), 3u);
  EXPECT_EQ(requests_[0].range_begin(), std::nullopt);
  EXPECT_EQ(requests_[1].range_begin(), 70'000u);
  EXPECT_EQ(requests_[1].header("if-range"), "\"tag\"");
  EXPECT_EQ(requests_[2].range_begin(), 140'000u);
}

TEST_F(Hub, GoesOnFromWhatAnEarlierPullLeft) {
  write(path(".part"), file_.substr(0, 50'000));
  expect_pulled(pull_from([&](const HttpRequest& request) { return file_reply(request, file_); }));
  ASSERT_EQ(requests_.size(), 1u);
  EXPECT_EQ(requests_[0].range_begin(), 50'000u);
}

TEST_F(Hub, StartsAgainWhereTheServerKnowsNoRanges) {
  write(path(".part"), std::string(50'000, 'x'));
  expect_pulled(pull_from([&](const HttpRequest&) { return HttpReply{.body = file_}; }));
}

TEST_F(Hub, StartsAgainWhereTheFileChangedMeanwhile) {
  write(path(".part"), std::string(50'000, 'x'));
  write(path(".part.etag"), "\"old\"");
  expect_pulled(pull_from([&](const HttpRequest& request) { return file_reply(request, file_); }));
  EXPECT_EQ(requests_[0].header("if-range"), "\"old\"");
}

TEST_F(Hub, StartsAgainWhereTheRangeIsAnotherOne) {
  write(path(".part"), file_.substr(0, 50'000));
  expect_pulled(pull_from([&](const HttpRequest& request) {
    HttpReply reply = file_reply(request, file_);
    if (reply.status == 206) reply.headers.back() = "Content-Range: bytes 10-199999/200000";
    return reply;
  }));
}

TEST_F(Hub, APartOfAnotherFileIsFoundOut) {
  write(path(".part"), std::string(50'000, 'x'));
  expect_pulled(pull_from([&](const HttpRequest& request) { return file_reply(request, file_); }));
  EXPECT_EQ(requests_.size(), 2u);
}

TEST_F(Hub, APartThatIsTooLongIsThrownAway) {
  write(path(".part"), std::string(file_.size() + 1, 'x'));
  expect_pulled(pull_from([&](const HttpRequest& request) { return file_reply(request, file_); }));
}

TEST_F(Hub, WrongBytesAreRefusedAndNotKept) {
  std::string wrong = file_;
  wrong[100'000] = static_cast<char>(wrong[100'000] ^ 1);
  const auto result = pull_from([&](const HttpRequest& request) { return file_reply(request, wrong); });
  expect_refused(result);
  EXPECT_THAT(result.error().message(), HasSubstr(model_.files[0].sha256));
  EXPECT_FALSE(exists(".part"));
}

TEST_F(Hub, AnotherLengthIsRefusedBeforeItIsFetched) {
  expect_refused(pull_from([&](const HttpRequest&) { return HttpReply{.body = file_ + "x"}; }));
  expect_refused(pull_from([&](const HttpRequest&) { return HttpReply{.body = file_.substr(1)}; }));
}

TEST_F(Hub, AFileWithoutEndIsCutOff) {
  const auto result = pull_from(
      [&](const HttpRequest&) { return HttpReply{.body = file_ + std::string(1 << 20, 'x'), .no_length = true}; });
  expect_refused(result);
  EXPECT_THAT(result.error().message(), HasSubstr("sends more than 200000 bytes"));
}

TEST_F(Hub, AFileThatAlwaysEndsEarlyIsGivenUp) {
  const auto result =
      pull_from([&](const HttpRequest&) { return HttpReply{.body = file_.substr(0, 1000), .no_length = true}; });
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kFailed);
  EXPECT_FALSE(exists());
  EXPECT_LE(requests_.size(), 60u);
}

TEST_F(Hub, FollowsRedirects) {
  expect_pulled(pull_from([&](const HttpRequest& request) {
    if (request.path == "/cdn/file") return file_reply(request, file_);
    return HttpReply{.status = 302, .headers = {"Location: /cdn/file", "ETag: \"of the redirect\""}, .body = "moved"};
  }));
}

TEST_F(Hub, RedirectsToOtherKindsOfAddressesAreNotFollowed) {
  write(folder_ + "/secret", file_);
  for (const std::string& target :
       {"file://" + folder_ + "/secret", std::string("ftp://127.0.0.1/x"), std::string("/again")}) {
    const auto result =
        pull_from([&](const HttpRequest&) { return HttpReply{.status = 302, .headers = {"Location: " + target}}; });
    EXPECT_FALSE(result) << target;
    EXPECT_LE(requests_.size(), 6u) << target;
    EXPECT_FALSE(exists());
  }
}

TEST_F(Hub, ABusyServerIsAskedAgainAndAMissingFileIsNot) {
  std::atomic<int> n = 0;
  const auto missing = pull_from([&](const HttpRequest&) { return HttpReply{.status = 404, .body = "no such file"}; });
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message(), HasSubstr("answers 404"));
  EXPECT_EQ(requests_.size(), 1u);
  expect_pulled(pull_from([&](const HttpRequest& request) {
    return ++n < 3 ? HttpReply{.status = 503, .body = "busy"} : file_reply(request, file_);
  }));
}

TEST_F(Hub, SlowIsFine) {
  expect_pulled(pull_from([&](const HttpRequest& request) {
    HttpReply reply = file_reply(request, file_);
    reply.piece = 20'000;
    reply.pause_ms = 20;
    return reply;
  }));
  EXPECT_EQ(requests_.size(), 1u);
}

TEST_F(Hub, AStandstillIsEndedAndResumed) {
  std::atomic<int> n = 0;
  options_.stall_timeout_ms = 1000;
  expect_pulled(pull_from([&](const HttpRequest& request) {
    HttpReply reply = file_reply(request, file_);
    if (++n > 1) return reply;
    reply.claimed_length = reply.body.size();
    reply.body.resize(70'000);
    reply.stall_ms = 60'000;
    return reply;
  }));
  EXPECT_EQ(requests_.size(), 2u);
}

TEST_F(Hub, AnInterruptedPullLeavesOnlyAPartAndTheNextGoesOn) {
  std::stop_source stop;
  options_.stop = stop.get_token();
  options_.progress = [&](std::string_view, uint64_t done_bytes, uint64_t) {
    if (done_bytes >= 100'000) stop.request_stop();
  };
  const auto result = pull_from([&](const HttpRequest& request) {
    HttpReply reply = file_reply(request, file_);
    reply.piece = 20'000;
    reply.pause_ms = 200;
    return reply;
  });
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kInterrupted);
  EXPECT_FALSE(exists());
  EXPECT_TRUE(exists(".part"));
  options_.stop = {};
  expect_pulled(pull_from([&](const HttpRequest& request) { return file_reply(request, file_); }));
  EXPECT_GE(requests_[0].range_begin().value_or(0), 100'000u);
}

TEST_F(Hub, TwoPullsAtOnceFetchOnce) {
  const HttpServer server([&](const HttpRequest& request) {
    HttpReply reply = file_reply(request, file_);
    reply.piece = 50'000;
    reply.pause_ms = 50;
    return reply;
  });
  use_hub(server.url());
  Result<PulledModel> second;
  std::thread other([&] { second = pull_model(model_, options_); });
  const Result<PulledModel> first = pull_model(model_, options_);
  other.join();
  expect_pulled(first);
  expect_pulled(second);
  EXPECT_EQ(server.requests().size(), 1u);
}

TEST_F(Hub, ProxiesOfTheEnvironmentAreUsed) {
  const HttpServer proxy([&](const HttpRequest& request) { return file_reply(request, file_); });
  ::setenv("http_proxy", proxy.url().c_str(), 1);
  ::unsetenv("no_proxy");
  use_hub("http://hub.invalid");
  expect_pulled(pull_model(model_, options_));
  ::unsetenv("http_proxy");
  ASSERT_EQ(proxy.requests().size(), 1u);
  EXPECT_EQ(proxy.requests()[0].path, "http://hub.invalid/me/tiny/resolve/abc123/tiny.gguf");
}

TEST_F(Hub, TheTokenIsNotSentInTheClear) {
  options_.hub_token = "hf_secret";
  expect_pulled(pull_from([&](const HttpRequest& request) { return file_reply(request, file_); }));
  EXPECT_EQ(requests_[0].head.find("hf_secret"), std::string::npos);
}

}  // namespace
}  // namespace bp::testing
