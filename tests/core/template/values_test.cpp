#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "render.h"

namespace bp {
namespace {

using test::render;
using ::testing::HasSubstr;

TEST(Text, OfValuesIsPythons) {
  EXPECT_EQ(render("{{ [1, 2.0, 1e20, true, none, 'a', \"it's\", 'q\"', '\\n\\u00e9\\u200b'] }}"),
            "[1, 2.0, 1e+20, True, None, 'a', \"it's\", 'q\"', '\\n\u00e9\\u200b']");
  EXPECT_EQ(render("{{ {'a': (1, 2), 'b': {}} }}{{ none }}{{ true }}{{ 0.1 + 0.2 }}{{ 1e16 }}{{ 100000.0 }}"),
            "{'a': (1, 2), 'b': {}}NoneTrue0.300000000000000041e+16100000.0");
}

TEST(Arithmetic, IsPythons) {
  EXPECT_EQ(render("{{ 7 // -2 }} {{ 7 % -3 }} {{ -7.5 // 2 }} {{ 2 ** -1 }} {{ 6 / 3 }} {{ true + 1 }} {{ -true }}"),
            "-4 -2 -4.0 0.5 2.0 2 -1");
  EXPECT_EQ(render("{{ 'ab' * 2 }} {{ [1] + [2] }} {{ 2 * (1,) }} {{ 'a' + 'b' }}"), "abab [1, 2] (1, 1) ab");
  EXPECT_EQ(render("{{ 'a' + [1] }}"), "error: test:1: can only concatenate str (not \"list\") to str");
  EXPECT_THAT(render("{{ 1 / 0 }}"), HasSubstr("division by zero"));
  EXPECT_THAT(render("{{ 9223372036854775807 + 1 }}"), HasSubstr("exceeds 64 bits"));
  EXPECT_THAT(render("{{ -9223372036854775807 - 1 }}{{ (-9223372036854775807 - 1) // -1 }}"),
              HasSubstr("exceeds 64 bits"));
  EXPECT_EQ(render("{{ (-9223372036854775807 - 1) % -1 }}"), "0");
}

TEST(Comparison, AcrossTypes) {
  EXPECT_EQ(render("{{ 1 == 1.0 }}{{ 1 == true }}{{ '1' == 1 }}{{ [1] == (1,) }}{{ {'a': 1} == {'a': 1.0} }}"),
            "TrueTrueFalseFalseTrue");
  EXPECT_EQ(
      render("{{ 'a' < 'b' }}{{ [1, 2] < [1, 3] }}{{ 'b' in 'abc' }}{{ 1 in [1] }}{{ 'k' in {'k': 0} }}{{ 1 in x }}"),
      "TrueTrueTrueTrueTrueFalse");
  EXPECT_THAT(render("{{ 1 < 'a' }}"), HasSubstr("'<' not supported"));
  EXPECT_THAT(render("{{ 1 in none }}"), HasSubstr("not iterable"));
  EXPECT_THAT(render("{{ 1 in 'a' }}"), HasSubstr("requires string"));
}

TEST(Slices, OfTextsAndLists) {
  EXPECT_EQ(
      render("{{ 'h\u00e9llo'[1:3] }} {{ 'h\u00e9llo'[-2:] }} {{ 'abc'[::-1] }} {{ [1,2,3][1:] }} {{ [1,2,3][:-1] }} "
             "{{ [1,2,3,4][::2] }} {{ 'abc'[5:] }}|{{ 'h\u00e9'[1] }}{{ 'abc'[-1] }}"),
      "\u00e9l lo cba [2, 3] [1, 2] [1, 3] |\u00e9c");
  EXPECT_THAT(render("{{ 'a'[::0] }}"), HasSubstr("cannot be zero"));
  EXPECT_EQ(render("{{ 'abc'[-9223372036854775807:9223372036854775807:9223372036854775807] }}"), "a");
}

TEST(TextMethods, AreDoneAsPythonDoes) {
  EXPECT_EQ(render("{{ '  a b '.strip() }}|{{ 'xxaxx'.strip('x') }}|{{ 'xa'.lstrip('x') }}|{{ 'ax'.rstrip('x') }}"),
            "a b|a|a|a");
  EXPECT_EQ(
      render("{{ ' a  b '.split() }}{{ 'a,b,c'.split(',', 1) }}{{ 'a,b,c'.rsplit(',', 1) }}{{ 'abc'.split('b')[-1] }}"),
      "['a', 'b']['a', 'b,c']['a,b', 'c']c");
  EXPECT_EQ(render("{{ ' a b c'.rsplit(none, 1) }}{{ 'a b c d'.split(none, 2) }}"), "[' a b', 'c']['a', 'b', 'c d']");
  EXPECT_EQ(render("{{ 'a\\nb\\r\\nc'.splitlines() }}{{ 'a-b'.partition('-') }}{{ 'x'.join(['a', 'b']) }}"),
            "['a', 'b', 'c']('a', '-', 'b')axb");
  EXPECT_EQ(
      render(
          "{{ 'abc'.startswith('ab') }}{{ 'abc'.endswith(('x', 'c')) }}{{ 'abcb'.find('b') }}{{ 'abcb'.rfind('b') }}"),
      "TrueTrue13");
  EXPECT_EQ(render("{{ 'aXa'.replace('a', 'b') }}{{ 'aaa'.replace('a', 'b', 2) }}{{ 'ab'.replace('', '-') }}"),
            "bXbbba-a-b-");
  EXPECT_EQ(
      render("{{ 'straße Äö'.upper() }}|{{ 'ÀÉ'.lower() }}|{{ 'hello world'.title() }}|{{ 'hELLO'.capitalize() }}"),
      "STRASSE ÄÖ|àé|Hello World|Hello");
  EXPECT_EQ(render("{{ 'abab'.count('ab') }}{{ '12'.isdigit() }}{{ 'a1'.isalpha() }}{{ '7'.zfill(3) }}"),
            "2TrueFalse007");
  EXPECT_EQ(render("{{ 'abc'.removeprefix('a') }}{{ 'abc'.removesuffix('bc') }}"), "bca");
  EXPECT_THAT(render("{{ 'a'.split('') }}"), HasSubstr("empty separator"));
}

TEST(Formats, BothLanguages) {
  EXPECT_EQ(render("{{ '%s-%d-%05.1f-%%' % ('a', 3, 2.25) }}{{ '%r' % 'x' }}{{ '%(k)s' % {'k': 1} }}"),
            "a-3-002.2-%'x'1");
  EXPECT_EQ(
      render(
          "{{ '{}-{}|{1}{0}|{k}|{:>4}|{:<3}|{:^5}|{:05d}|{:.2f}|{:,}'.format('a', 'b', 1, 2, 'c', 7, 1.005, k='K') }}"),
      "error: test:1: Replacement index out of range for positional args tuple");
  EXPECT_EQ(
      render(
          "{{ '{}-{}|{k}|{:>4}|{:<3}|{:^5}|{:05d}|{:.2f}|{:,}'.format('a', 'b', 1, 2, 'c', 7, 1.5, 12345, k='K') }}"),
      "a-b|K|   1|2  |  c  |00007|1.50|12,345");
  EXPECT_EQ(render("{{ '%s %s'|format('a', 1) }}{{ '{{}}'.format() }}{{ '{0[k]}'.format({'k': 2}) }}"), "a 1{}2");
  EXPECT_THAT(render("{{ '%d' % 'a' }}"), HasSubstr("error"));
  EXPECT_THAT(render("{{ '%s' % () }}"), HasSubstr("not enough arguments"));
  EXPECT_THAT(render("{{ 'x' % 1 }}"), HasSubstr("not all arguments"));
}

TEST(Dicts, AttributesAreMethodsFirstAndItemsKeysFirst) {
  const char* d = R"({"d": {"items": 1, "x": 2}})";
  EXPECT_EQ(
      render("{{ d['items'] }}{{ d.x }}{{ d.get('x') }}{{ d.get('y') }}{{ d.get('y', 3) }}{{ d['get']('x') }}", d),
      "122None32");
  EXPECT_EQ(render("{{ d.items is callable }}{{ d.items()|length }}", d), "True2");
  EXPECT_EQ(render("{{ dict(a=1, b=2) }}{{ dict({'a': 1}, a=2) }}{{ {'a': 1, 'a': 2} }}"),
            "{'a': 1, 'b': 2}{'a': 2}{'a': 2}");
  EXPECT_EQ(render("{{ {1: 'a', true: 'b', none: 'c'}[1] }}"), "b");
  EXPECT_EQ(render("{{ d.k11 }}{{ d|length }}",
                   R"({"d": {"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8,"i":9,"j":10,"k11":11}})"),
            "1111");
  EXPECT_THAT(render("{{ {[]: 1} }}"), HasSubstr("unhashable"));
}

TEST(Markup, EscapesWhatIsAddedToIt) {
  EXPECT_EQ(render("{{ '<a>'|safe + '<b>' }}{{ '<b>' + '<a>'|safe }}{{ '<a>'|safe ~ '<b>' }}{{ '<&>'|e }}"),
            "<a>&lt;b&gt;&lt;b&gt;<a><a><b>&lt;&amp;&gt;");
}

}  // namespace
}  // namespace bp
