#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "render.h"

namespace bp {
namespace {

using test::render;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(WhiteSpace, ALineWithABlockAloneLeavesNothing) {
  EXPECT_EQ(render("a\n  {% if true %}\n  b\n  {% endif %}\nc"), "a\n  b\nc");
  EXPECT_EQ(render("a\n  {# comment #}\nb"), "a\nb");
}

TEST(WhiteSpace, ValuesKeepTheirs) { EXPECT_EQ(render("a\n  {{ 1 }}\nb"), "a\n  1\nb"); }

TEST(WhiteSpace, MinusTakesAllAndPlusTakesNone) {
  EXPECT_EQ(render("a \n {%- if true -%} \n b \n {%- endif -%} \n c"), "abc");
  EXPECT_EQ(render("a {{- 1 -}} b"), "a1b");
  EXPECT_EQ(render("a\n  {%+ if true +%}\nb{% endif %}"), "a\n  \nb");
  EXPECT_EQ(render("a {#- c -#} b"), "ab");
}

TEST(WhiteSpace, TheLastLineEndGoesAndOthersBecomeOne) {
  EXPECT_EQ(render("a\r\nb\rc\n"), "a\nb\nc");
  EXPECT_EQ(render("a\n\n"), "a\n");
}

TEST(Lexer, RawTextIsLeftAlone) {
  EXPECT_EQ(render("{% raw %}{{ x }}{% if %}{% endraw %}!"), "{{ x }}{% if %}!");
  EXPECT_EQ(render("a {%- raw -%} {{ }} {%- endraw -%} b"), "a{{ }}b");
}

TEST(Lexer, StringsAndTheirEscapes) {
  EXPECT_EQ(render(R"({{ 'a\n\t\\\'"' }}{{ "\u00e9\x41\101" }}{{ '\q' }})"), "a\n\t\\'\"\u00e9AA\\q");
  EXPECT_EQ(render("{{ 'a' \"b\" }}{{ '%}}}' }}"), "ab%}}}");
}

TEST(Lexer, BracesInsideOfATagDoNotEndIt) { EXPECT_EQ(render("{{ {'a': {'b': 1}}['a']['b'] }}"), "1"); }

TEST(Lexer, Numbers) { EXPECT_EQ(render("{{ 1_000 }} {{ 1.5e3 }} {{ 2e-7 }} {{ 1.0 }}"), "1000 1500.0 2e-07 1.0"); }

TEST(Parser, PrecedenceIsJinjas) {
  EXPECT_EQ(render("{{ 1 + 2 * 3 - 4 }} {{ (1 + 2) * 3 }} {{ 7 // 2 }} {{ 7 / 2 }} {{ -7 // 2 }} {{ -7 % 3 }}"),
            "3 9 3 3.5 -4 2");
  EXPECT_EQ(render("{{ 1 + 1 ~ 2 + 2 }}"), "error: test:1: unsupported operand type(s) for +: 'int' and 'str'");
  EXPECT_EQ(render("{{ not 1 == 2 and 3 }} {{ 0 or 'x' }} {{ 2 ** 3 }} {{ -1|abs }} {{ 1 < 2 < 3 }}"), "3 x 8 1 True");
  EXPECT_EQ(render("{{ 'a' if false else 'b' if false else 'c' }}[{{ 'a' if false }}]"), "c[]");
  EXPECT_EQ(render("{{ 1 not in [2] }} {{ x is not defined }} {{ 1 is odd and 2 is even }}"), "True True True");
}

TEST(Parser, TuplesWithoutBrackets) {
  EXPECT_EQ(render("{{ 1, 2 }}{% set a, b = 3, 4 %}{{ b }}{{ (5,) }}{{ () }}"), "(1, 2)4(5,)()");
  EXPECT_EQ(render("{% for a, b in [(1, 2), (3, 4)] %}{{ a + b }};{% endfor %}"), "3;7;");
}

TEST(Parser, WhatIsNoTemplateIsRefused) {
  for (const char* source : {"{{",
                             "{%",
                             "{{ }}",
                             "{{ a",
                             "{% if %}",
                             "{% if a %}",
                             "{% endif %}",
                             "{% for %}{% endfor %}",
                             "{% for a in b %}",
                             "{{ a b }}",
                             "{{ 'a }}",
                             "{{ a. }}",
                             "{{ a[ }}",
                             "{{ (a }}",
                             "{{ a) }}",
                             "{% set %}",
                             "{% set 1 = 2 %}",
                             "{% what %}",
                             "{% break %}",
                             "{% macro %}{% endmacro %}",
                             "{% extends 'x' %}",
                             "{% include 'x' %}",
                             "{% import 'x' as y %}",
                             "{# open",
                             "{% raw %}",
                             "{{ a|}}",
                             "{{ a is }}",
                             "{{ '\\x1' }}",
                             "{{ 99999999999999999999 }}",
                             "{{ ? }}",
                             "{% if a %}{% endfor %}",
                             "{% macro f(a=1, b) %}{% endmacro %}",
                             "{{ f(a=1, 2) }}",
                             "{% set true = 1 %}",
                             "{% call f %}{% endcall %}",
                             "{{ a is b is c }}"}) {
    EXPECT_THAT(render(source), StartsWith("error: ")) << source;
  }
}

TEST(Parser, BytesThatAreNoUtf8DoNoHarm) {
  EXPECT_EQ(render("\xff{{ 'a\xfe' }}\xc3"),
            "\xff"
            "a\xfe\xc3");
  EXPECT_EQ(render("{{ 'a\xfe\xc3'|length }}{{ '\xc3'|upper }}{{ '\xf0\x9f'|tojson|length }}"),
            "3\xc3"
            "4");
}

}  // namespace
}  // namespace bp
