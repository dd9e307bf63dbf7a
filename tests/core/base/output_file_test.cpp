#include "base/output_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace bp {
namespace {

namespace fs = std::filesystem;

class OutputFileTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) / ("output_file_" + std::to_string(::getpid()));
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  static Status put(const fs::path& path, std::string_view text) {
    BP_TRY(OutputFile file, OutputFile::create(path.string()));
    BP_TRY_VOID(file.write(0, std::as_bytes(std::span(text))));
    return file.commit();
  }
  static std::string text_of(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
  }
  size_t n_files() const {
    return static_cast<size_t>(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }

  fs::path folder_;
};

TEST_F(OutputFileTest, AppearsCompleteOrNotAtAll) {
  const fs::path path = folder_ / "out";
  ASSERT_TRUE(put(path, "old"));
  {
    auto unfinished = OutputFile::create(path.string());
    ASSERT_TRUE(unfinished);
    ASSERT_TRUE(unfinished->write(0, std::as_bytes(std::span(std::string_view("half")))));
    EXPECT_EQ(text_of(path), "old");
  }
  EXPECT_EQ(text_of(path), "old");
  EXPECT_EQ(n_files(), 1u);
  ASSERT_TRUE(put(path, "new"));
  EXPECT_EQ(text_of(path), "new");
}

TEST_F(OutputFileTest, WritesWhatALinkNames) {
  fs::create_directory(folder_ / "there");
  fs::create_symlink("there/file", folder_ / "second");
  fs::create_symlink("second", folder_ / "first");
  ASSERT_TRUE(put(folder_ / "first", "text"));  // the file is not there yet
  EXPECT_TRUE(fs::is_symlink(folder_ / "first"));
  EXPECT_TRUE(fs::is_symlink(folder_ / "second"));
  EXPECT_EQ(text_of(folder_ / "there/file"), "text");
}

// A link of /dev must never be replaced by a file, not even where standard output is one.
TEST_F(OutputFileTest, RefusesWhatIsNoFile) {
  const fs::path path = folder_ / "open";
  std::ofstream(path) << "kept";
  const int fd = ::open(path.c_str(), O_RDWR);
  ASSERT_GE(fd, 0);
  const fs::path link = folder_ / "stdout";
  fs::create_symlink("/proc/self/fd/" + std::to_string(fd), link);
  for (const fs::path& wrong : {link, fs::path("/dev/fd") / std::to_string(fd), fs::path("/dev/full"), folder_}) {
    const auto refused = OutputFile::create(wrong.string());
    ASSERT_FALSE(refused) << wrong;
    EXPECT_EQ(refused.error().code, ErrorCode::kUsage) << wrong;
    EXPECT_EQ(refused.error().where, wrong.string());
  }
  ::close(fd);
  EXPECT_TRUE(fs::is_symlink(link));
  EXPECT_EQ(text_of(path), "kept");
}

}  // namespace
}  // namespace bp
