// EXPECT_ERROR(expression, code, matcher of what()).
#pragma once

#include <backplane/api/error.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#define EXPECT_ERROR(expression, expected_code, message_matcher)    \
  do {                                                              \
    try {                                                           \
      (void)(expression);                                           \
      ADD_FAILURE() << #expression " throws nothing";               \
    } catch (const ::bp::api::Error& bp_error) {                    \
      EXPECT_EQ(bp_error.code(), expected_code) << bp_error.what(); \
      EXPECT_THAT(std::string(bp_error.what()), message_matcher);   \
    }                                                               \
  } while (false)
