#include "plugin_host/intern.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace bp {
namespace {

TEST(Intern, AnOpIsKnownOnlyWhereTheHostHasIt) {
  const std::vector<std::string> ops = {"test_op@1", "coll.test_reduce@1"};
  EXPECT_EQ(intern("test_op@1"), 0u);
  intern_ops(ops);
  const uint32_t number = intern("test_op@1");
  EXPECT_NE(number, 0u);
  EXPECT_NE(intern("coll.test_reduce@1"), 0u);
  EXPECT_EQ(intern("test_op@2"), 0u);
  EXPECT_EQ(intern("coll.other@1"), 0u);
  intern_ops(ops);
  EXPECT_EQ(intern("test_op@1"), number);
  EXPECT_EQ(interned_name(number), "test_op@1");
}

TEST(Intern, ALayoutGetsItsNumberWhenItIsNew) {
  const uint32_t number = intern("test.tile16@2");
  EXPECT_NE(number, 0u);
  EXPECT_EQ(intern("test.tile16@2"), number);
  EXPECT_NE(intern("test.tile16@3"), number);
}

TEST(Intern, NamesThatAreNoneAreUnknown) {
  EXPECT_EQ(intern(""), 0u);
  EXPECT_EQ(intern("a.b c"), 0u);
  EXPECT_EQ(intern("a.\n"), 0u);
  EXPECT_EQ(intern("a." + std::string(200, 'x')), 0u);
  EXPECT_EQ(interned_name(0), "");
  EXPECT_EQ(interned_name(4000000000u), "");
}

TEST(Intern, ThreadsAgree) {
  std::vector<uint32_t> numbers(4 * 100);
  {
    std::vector<std::jthread> threads;
    for (size_t t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        for (size_t i = 0; i < 100; ++i) numbers[t * 100 + i] = intern("threads.layout@" + std::to_string(i));
      });
    }
  }
  for (size_t i = 0; i < numbers.size(); ++i) EXPECT_EQ(numbers[i], numbers[i % 100]);
}

}  // namespace
}  // namespace bp
