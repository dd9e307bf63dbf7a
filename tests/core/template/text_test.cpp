// Python's str: letters of all scripts, and what its methods and jinja2's filters do with them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "render.h"

namespace bp {
namespace {

using test::render;
using ::testing::HasSubstr;

TEST(Case, OfEveryScript) {
  EXPECT_EQ(render("{{ 'straße ﬁ ǆ éÀ жΩ'.upper() }}"), "STRASSE FI Ǆ ÉÀ ЖΩ");
  EXPECT_EQ(render("{{ 'ÉÀ ЖΩ İ'.lower() }}"), "éà жω i̇");
  EXPECT_EQ(render("{{ 'ΟΔΟΣ ΣΑΣ Σ'.lower() }}"), "οδος σας σ");
  EXPECT_EQ(render("{{ 'ßx ǆx ﬁx'.title() }} {{ 'ßX'.capitalize() }}"), "Ssx ǅx Fix Ssx");
  EXPECT_EQ(render("{{ 'aBß'.swapcase() }} {{ 'Straße'.casefold() }}"), "AbSS strasse");
  EXPECT_EQ(render("{{ \"it's 3rd-rate (ok)\".title() }} {{ \"it's 3rd-rate (ok)\"|title }}"),
            "It'S 3Rd-Rate (Ok) It's 3rd-Rate (Ok)");
}

TEST(Classes, OfCharacters) {
  EXPECT_EQ(
      render("{{ '٣'.isdigit() }}{{ '²'.isdigit() }}{{ '²'.isdecimal() }}{{ '½'.isnumeric() }}{{ '½'.isdigit() }}"),
      "TrueTrueFalseTrueFalse");
  EXPECT_EQ(render("{{ 'é日'.isalpha() }}{{ 'a1'.isalnum() }}{{ 'a_1'.isidentifier() }}{{ '1a'.isidentifier() }}"),
            "TrueTrueTrueFalse");
  EXPECT_EQ(render("{{ 'Ab Cd'.istitle() }}{{ 'ab\\u2028'.isprintable() }}{{ 'é'.isascii() }}{{ ''.isascii() }}"),
            "TrueFalseFalseTrue");
  EXPECT_EQ(render(R"({{ ['a\u200bb', '\u00a0', 'é', '\U000e0001'] }})"), R"(['a\u200bb', '\xa0', 'é', '\U000e0001'])");
}

TEST(TextMethods, TakeTheArgumentsOfPython) {
  EXPECT_EQ(
      render("{{ 'abcabc'.find('c', 3) }} {{ 'äbc'.find('c', -1) }} {{ 'abc'.find('', 9) }} {{ 'aXa'.count('a', 1) }}"),
      "5 2 -1 1");
  EXPECT_EQ(render("{{ 'abc'.startswith('b', 1) }} {{ 'abc'.endswith(('x', 'c')) }} {{ 'a-b-c'.rpartition('-') }}"),
            "True True ('a-b', '-', 'c')");
  EXPECT_EQ(
      render("{{ 'ab'.center(5, '*') }}|{{ 'ab'.ljust(4) }}|{{ 'ab'.rjust(4, '.') }}|{{ 'a\\tb'.expandtabs(4) }}"),
      "**ab*|ab  |..ab|a   b");
  EXPECT_THAT(render("{{ 'a'.strip(1) }}"), HasSubstr("must be str"));
  EXPECT_THAT(render("{{ 'a'.upper(1) }}"), HasSubstr("takes 0 to 0 arguments"));
  EXPECT_THAT(render("{{ 'a'.replace('b') }}"), HasSubstr("takes 2 to 3 arguments"));
  EXPECT_THAT(render("{{ 'a'.strip(chars='b') }}"), HasSubstr("no keyword argument"));
  EXPECT_THAT(render("{{ 'a'.join() }}"), HasSubstr("arguments"));
}

TEST(Filters, RefuseArgumentsThatTheyDoNotHave) {
  EXPECT_THAT(render("{{ 'a'|trim(x=1) }}"), HasSubstr("unexpected keyword argument 'x'"));
  EXPECT_THAT(render("{{ 'a'|upper(1) }}"), HasSubstr("at most 0 arguments"));
  EXPECT_THAT(render("{{ 'a'|replace('b') }}"), HasSubstr("misses an argument"));
  EXPECT_THAT(render("{{ 1 is divisibleby }}"), HasSubstr("takes 1 arguments"));
}

TEST(Ranges, AreMadeWhenTheyAreAskedFor) {
  EXPECT_EQ(render("{{ range(3) }}{{ range(5, 0, -2)|list }}{{ range(9)[2:8:3] }}{{ range(9)[-1] }}"),
            "range(0, 3)[5, 3, 1]range(2, 8, 3)8");
  EXPECT_EQ(render("{{ 4 in range(0, 9, 2) }}{{ 3.0 in range(4) }}{{ 'a' in range(4) }}{{ range(0) == range(2, 1) }}"),
            "TrueTrueFalseTrue");
  EXPECT_THAT(render("{{ range(3) + [1] }}"), HasSubstr("unsupported operand"));
  EXPECT_THAT(render("{{ range(3)|tojson }}"), HasSubstr("not JSON serializable"));
  EXPECT_THAT(render("{{ range(100001) }}"), HasSubstr("Range too big"));
  EXPECT_THAT(render("{{ range(-9223372036854775807, 9223372036854775807) }}"), HasSubstr("Range too big"));
}

TEST(Numbers, AsPythonHasThem) {
  EXPECT_EQ(
      render("{{ 2.675|round(2) }} {{ 5|round(1) }} {{ 2.5|round }} {{ 1250|round(-2) }} {{ 1.21|round(1, 'ceil') }}"),
      "2.67 5 2.0 1200 1.3");
  EXPECT_EQ(render("{{ 10 % 0.1 }} {{ -7 % 3.5 }} {{ -1 // 0.3 }} {{ 7.5 // 2 }} {{ 2 ** -1 }}"),
            "0.09999999999999945 0.0 -4.0 3.0 0.5");
  EXPECT_THAT(render("{{ 0 ** -1 }}"), HasSubstr("negative power"));
  EXPECT_EQ(render("{{ +true }}{{ -true }} {{ '%d'|format(2.9) }} {{ '%5d'|format(-0.5) }}"), "1-1 2     0");
}

TEST(Keys, OfDictionariesMustBeHashable) {
  EXPECT_THAT(render("{{ {}.get([]) }}"), HasSubstr("unhashable type: 'list'"));
  EXPECT_THAT(render("{{ ([],) in {} }}"), HasSubstr("unhashable type: 'list'"));
  EXPECT_THAT(render("{{ {{}: 1} }}"), HasSubstr("unhashable type: 'dict'"));
  EXPECT_EQ(render("{{ {}[[]] }}|{{ dict([('a', 1), 'bc', ('a', 2)]) }}"), "|{'a': 2, 'b': 'c'}");
}

TEST(Loops, MayHoldThemselves) {
  EXPECT_EQ(render("{% for a in [1] %}{{ loop.changed(loop) }}{{ loop.changed(loop) }}{% endfor %}"), "TrueFalse");
  EXPECT_EQ(render("{% set n = namespace() %}{% for a in [1] %}{% set n.l = loop %}{% endfor %}{{ n.l.changed(n.l) }}"),
            "True");
  EXPECT_EQ(render("{% set n = namespace(a=1) %}{% set n.b = [n] %}{{ n }}"),
            "<Namespace {'a': 1, 'b': [<Namespace {...}>]}>");
}

}  // namespace
}  // namespace bp
