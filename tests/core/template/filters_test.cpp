#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "render.h"

namespace bp {
namespace {

using test::render;
using ::testing::HasSubstr;

TEST(ToJson, IsTheOneOfTransformers) {
  const char* v = R"({"v": {"b": [1, 2.5, null, true, "<é>\n\""], "a": {}}})";
  EXPECT_EQ(render("{{ v|tojson }}", v), R"({"b": [1, 2.5, null, true, "<é>\n\""], "a": {}})");
  EXPECT_EQ(render("{{ v|tojson(ensure_ascii=true) }}", v), R"({"b": [1, 2.5, null, true, "<\u00e9>\n\""], "a": {}})");
  EXPECT_EQ(render("{{ {'b': [1], 'a': []}|tojson(indent=2) }}"), "{\n  \"b\": [\n    1\n  ],\n  \"a\": []\n}");
  EXPECT_EQ(render("{{ {'b': 1, 'a': 2}|tojson(sort_keys=true, separators=(',', ':')) }}"), R"({"a":2,"b":1})");
  EXPECT_EQ(render("{{ {1: 'x', none: (1,)}|tojson }}"), R"({"1": "x", "null": [1]})");
  EXPECT_THAT(render("{{ x|tojson }}"), HasSubstr("Undefined is not JSON serializable"));
  EXPECT_THAT(render("{{ [1]|map('string')|tojson }}"), HasSubstr("generator is not JSON serializable"));
}

TEST(Filters, OfTexts) {
  EXPECT_EQ(render("{{ ' a '|trim }}{{ 'xax'|trim('x') }}{{ 'aB'|upper }}{{ 'aB'|lower }}{{ 'ab cd'|title }}"),
            "aaABabAb Cd");
  EXPECT_EQ(render("{{ 'a-b'|replace('-', '+') }}{{ 1|string + '2' }}{{ 'a b'|wordcount }}{{ 'abc'|reverse }}"),
            "a+b122cba");
  EXPECT_EQ(render("{{ 'a\\nb\\n\\nc'|indent }}|{{ 'a\\nb'|indent(2, first=true) }}|{{ 'a\\n'|indent('> ') }}"),
            "a\n    b\n\n    c|  a\n  b|a\n");
}

TEST(Filters, OfNumbers) {
  EXPECT_EQ(render("{{ '42'|int }}{{ ' -7 '|int }}{{ '3.9'|int }}{{ 'x'|int }}{{ 'x'|int(5) }}{{ 'ff'|int(base=16) "
                   "}}{{ 2.9|int }}"),
            "42-73052552");
  EXPECT_EQ(render("{{ '1.5'|float }}{{ -3|abs }}{{ 2.567|round(2) }}{{ 2.5|round }}{{ 2.1|round(method='ceil') }}"),
            "1.532.572.03.0");
  EXPECT_EQ(render("{{ x|default(1) }}{{ ''|default(2) }}{{ ''|default(3, true) }}{{ none|d(4, boolean=true) }}"),
            "134");
}

TEST(Filters, OfSequences) {
  EXPECT_EQ(
      render(
          "{{ [3, 1, 2]|sort }}{{ ['b', 'A']|sort }}{{ [1, 3]|sort(reverse=true) }}{{ [3, 1]|min }}{{ [3, 1]|max }}"),
      "[1, 2, 3]['A', 'b'][3, 1]13");
  EXPECT_EQ(
      render("{{ [1, 2]|join(', ') }}{{ [1, 1, 2]|unique|list }}{{ [1, 2]|sum }}{{ [1, 2]|first }}{{ [1, 2]|last }}"),
      "1, 2[1, 2]312");
  EXPECT_EQ(
      render("{{ [1, 2, 3]|select('odd')|list }}{{ [1, 2]|reject('equalto', 1)|list }}{{ ['a', '']|select|list }}"),
      "[1, 3][2]['a']");
  EXPECT_EQ(render("{{ ['a']|map('upper')|list }}{{ [' a']|map('replace', ' ', '')|join }}{{ 'ab'|list }}{{ "
                   "[1,2,3]|batch(2)|list }}"),
            "['A']a['a', 'b'][[1, 2], [3]]");
  EXPECT_EQ(render("{{ none|map('upper')|list }}{{ none|selectattr('x')|list }}"), "[][]");
}

TEST(Filters, ByAttribute) {
  const char* v = R"({"v": [{"n": "b", "t": {"k": 2}}, {"n": "a", "t": {"k": 1}}, {"t": {}}]})";
  EXPECT_EQ(render("{{ v|selectattr('n', 'defined')|map(attribute='n')|list }}", v), "['b', 'a']");
  EXPECT_EQ(render("{{ v|selectattr('n', 'eq', 'a')|list|length }}{{ v|rejectattr('n')|list|length }}", v), "11");
  EXPECT_EQ(render("{{ v[:2]|sort(attribute='t.k')|map(attribute='n')|join }}", v), "ab");
  EXPECT_EQ(render("{{ v|map(attribute='n', default='-')|join }}{{ v[:2]|sum(attribute='t.k') }}", v), "ba-3");
  EXPECT_EQ(render("{{ {'b': 1, 'A': 2}|dictsort }}{{ {'b': 1, 'a': 2}|dictsort(by='value', reverse=true) }}"),
            "[('A', 2), ('b', 1)][('a', 2), ('b', 1)]");
}

TEST(Filters, AnIteratorGivesItsItemsOnce) {
  EXPECT_EQ(render("{% set x = [1, 2]|map('string') %}{{ x|join }}{{ x|join }}"), "12");
  EXPECT_THAT(render("{{ [1]|map('string')|length }}"), HasSubstr("has no len()"));
}

TEST(Tests, OfTypes) {
  EXPECT_EQ(render("{{ 'a' is string }}{{ 1 is number }}{{ true is number }}{{ true is integer }}{{ 1.0 is float }}{{ "
                   "{} is mapping }}"),
            "TrueTrueTrueFalseTrueTrue");
  EXPECT_EQ(render("{{ 'a' is iterable }}{{ 1 is iterable }}{{ {} is sequence }}{{ [] is sequence }}{{ none is none "
                   "}}{{ 1 is boolean }}"),
            "TrueFalseTrueTrueTrueFalse");
  EXPECT_EQ(render("{{ true is true }}{{ 1 is true }}{{ false is false }}{{ x is undefined }}{{ range is callable }}"),
            "TrueFalseTrueTrueTrue");
  EXPECT_EQ(
      render("{{ 4 is divisibleby(2) }}{{ 1 is in [1] }}{{ 2 is gt 1 }}{{ 'A' is upper }}{{ none is sameas none }}"),
      "TrueTrueTrueTrueTrue");
}

}  // namespace
}  // namespace bp
