#include "base/result.h"

#include <gtest/gtest.h>

namespace bp {
namespace {

TEST(Error, ReadsWhereWhatFix) {
  const Error error{ErrorCode::kRefused, "model.gguf", "is truncated (12 bytes)", "download it again"};
  EXPECT_EQ(error.message(), "model.gguf: is truncated (12 bytes); download it again");
}

TEST(Error, StaysOnOneLine) {
  const Error error{ErrorCode::kRefused, "a\nb", "c\x1b[31m", ""};
  EXPECT_EQ(error.message(), "a\\x0ab: c\\x1b[31m");
}

TEST(Error, ExitCodesAreThoseOfTheContract) {
  EXPECT_EQ(exit_code(ErrorCode::kFailed), 1);
  EXPECT_EQ(exit_code(ErrorCode::kUsage), 2);
  EXPECT_EQ(exit_code(ErrorCode::kConfig), 2);
  EXPECT_EQ(exit_code(ErrorCode::kRefused), 3);
  EXPECT_EQ(exit_code(ErrorCode::kDevice), 4);
  EXPECT_EQ(exit_code(ErrorCode::kOutOfMemory), 4);
  EXPECT_EQ(exit_code(ErrorCode::kInterrupted), 130);
}

}  // namespace
}  // namespace bp
