// Which variable a name means, where jinja2's answer is not the obvious one; what macros take.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "render.h"

namespace bp {
namespace {

using test::render;
using ::testing::HasSubstr;

TEST(Scoping, ABlockThatSetsANameOwnsItFromItsBeginningOn) {
  const std::string values = R"({"x": "out", "l": [1]})";
  EXPECT_EQ(render("{% for a in l %}[{{ x }}]{% endfor %}{% set x = 'in' %}{{ x }}", values), "[]in");
  EXPECT_EQ(render("{{ x }}{% for a in l %}[{{ x }}]{% endfor %}{% set x = 'in' %}", values), "out[out]");
  EXPECT_EQ(render("{% for a in l %}[{{ x }}]{% endfor %}{% if l %}{% set x = 'in' %}{% endif %}{{ x }}", values),
            "[out]in");
}

TEST(Scoping, WhatALoopSetsEndsWithTheRound) {
  EXPECT_EQ(render("{% set x = 0 %}{% for i in [1, 2] %}{{ x }}{% set x = i %}{{ x }}{% endfor %}{{ x }}"), "01020");
  EXPECT_EQ(render("{% set n = namespace(x=0) %}{% for i in [1, 2] %}{% set n.x = n.x + i %}{% endfor %}{{ n.x }}"),
            "3");
}

TEST(Scoping, ElseOfALoopRunsWhereNoRoundWasFinished) {
  EXPECT_EQ(render("{% for i in [] %}{{ i }}{% else %}none{% endfor %}"), "none");
  EXPECT_EQ(render("{% for i in [1, 2] %}{% continue %}{% else %}none{% endfor %}"), "none");
  EXPECT_EQ(render("{% for i in [1, 2] %}{{ i }}{% break %}{% else %}none{% endfor %}"), "1none");
  EXPECT_EQ(render("{% for i in [1, 2] %}{{ i }}{% else %}none{% endfor %}"), "12");
}

TEST(Macros, TakeWhatTheyName) {
  EXPECT_EQ(render("{% macro m(a, b='x') %}{{ a }}{{ b }}{% endmacro %}{{ m(1) }}{{ m(b=2, a=1) }}{{ m() }}"), "1x12x");
  EXPECT_EQ(render("{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, a=2) }}"), "(1,){'a': 2}");
  EXPECT_THAT(render("{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}"), HasSubstr("not more than 1 argument"));
  EXPECT_THAT(render("{% macro m(a) %}{% endmacro %}{{ m(b=2) }}"), HasSubstr("no keyword argument 'b'"));
  EXPECT_THAT(render("{% macro m(a) %}{% endmacro %}{{ m(1, a=2) }}"), HasSubstr("no keyword argument 'a'"));
  EXPECT_THAT(render("{% macro m() %}{% endmacro %}{% call m() %}{% endcall %}"), HasSubstr("'caller'"));
}

TEST(Macros, OfAnotherMacrosBodySayNothingOfWhatThisOneTakes) {
  const std::string first = "{% macro f() %}{{ varargs }}{{ kwargs }}{{ caller }}{% endmacro %}";
  EXPECT_THAT(render(first + "{% macro m() %}{% endmacro %}{{ m(1) }}"), HasSubstr("not more than 0"));
  EXPECT_THAT(render(first + "{% macro m() %}{% endmacro %}{{ m(a=1) }}"), HasSubstr("'a'"));
}

TEST(Calls, SpreadArguments) {
  EXPECT_EQ(render("{{ range(*[1, 3]) }}{{ dict(**{'a': 1}) }}{{ '%s'|format(*['x']) }}"), "range(1, 3){'a': 1}x");
  EXPECT_EQ(render("{% macro m(a, b) %}{{ a }}-{{ b }}{% endmacro %}{{ m(*[1], **{'b': 2}) }}"), "1-2");
  EXPECT_THAT(render("{{ dict(a=1, **{'a': 2}) }}"), HasSubstr("multiple values"));
  EXPECT_THAT(render("{{ dict(**[1]) }}"), HasSubstr("must be a mapping"));
  EXPECT_THAT(render("{{ range(**{'a': 1}, 2) }}"), HasSubstr("error"));
}

TEST(Names, OfFiltersAndTestsAreCheckedBeforeRenderingButForThoseInConditions) {
  EXPECT_FALSE(ChatTemplate::parse("{% macro unused() %}{{ x|nothing }}{% endmacro %}", "t").has_value());
  EXPECT_FALSE(
      ChatTemplate::parse("{% if x %}{% for a in b %}{{ a is nothing }}{% endfor %}{% endif %}", "t").has_value());
  EXPECT_TRUE(ChatTemplate::parse("{% if x %}{{ x|nothing }}{% endif %}{{ x|nothing if x }}", "t").has_value());
  EXPECT_THAT(render("{{ 'a'|trim.b }}"), HasSubstr("No filter named 'trim.b'"));
}

TEST(Templates, OfOtherFilesFailWhereTheyAreReached) {
  EXPECT_EQ(render("{% if false %}{% include 'x' %}{% import 'y' as z %}{% endif %}ok"), "ok");
  EXPECT_THAT(render("{% include 'x' %}"), HasSubstr("no loader"));
}

}  // namespace
}  // namespace bp
