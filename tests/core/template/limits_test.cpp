// Templates that want too much: a clear error, soon.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "render.h"

namespace bp {
namespace {

using test::render;
using ::testing::HasSubstr;

constexpr TemplateLimits kSmall{.max_steps = 200'000, .max_output_bytes = 1 << 20};

std::string nested(const std::string& open, const std::string& inner, const std::string& close, int n) {
  std::string out;
  for (int i = 0; i < n; ++i) out += open;
  out += inner;
  for (int i = 0; i < n; ++i) out += close;
  return out;
}

TEST(TemplateLimits, Steps) {
  const std::string loops = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}";
  EXPECT_THAT(render(loops), HasSubstr("the limit of steps"));
  EXPECT_EQ(render("{% for a in range(10) %}x{% endfor %}", "{}", {.max_steps = 1000}), "xxxxxxxxxx");
}

TEST(TemplateLimits, Output) {
  EXPECT_THAT(render("{% for a in range(99999) %}{{ 'x' * 1000 }}{% endfor %}", "{}", kSmall),
              HasSubstr("the limit of output"));
  EXPECT_THAT(render("{% set x = 'x' * 9999999999999 %}"), HasSubstr("the limit of output"));
  EXPECT_THAT(render("{% set x = [1] * 9999999999999 %}"), HasSubstr("the limit of output"));
  EXPECT_THAT(render("{{ '%999999999d' % 1 }}"), HasSubstr("unsupported format"));
  EXPECT_THAT(render("{{ 'a'|indent(999999999, true) }}"), HasSubstr("the limit of output"));
}

TEST(TemplateLimits, ValuesMadeOnTheWay) {
  const std::string doubling =
      "{% set n = namespace(x='xxxxxxxx') %}{% for i in range(60) %}{% set n.x = n.x + n.x %}{% endfor %}";
  EXPECT_THAT(render(doubling), HasSubstr("the limit of output"));
  const std::string keeping =
      "{% set n = namespace(l=[]) %}{% for i in range(900) %}{% set n.l = n.l + ['x' * 90000] %}{% endfor %}";
  EXPECT_THAT(render(keeping, "{}", kSmall), HasSubstr("the limit of output"));
  const std::string captured = nested("{% set a %}" + std::string(200'000, 'x'), "", "{% endset %}", 4);
  EXPECT_THAT(render(captured, "{}", {.max_output_bytes = 150'000}), HasSubstr("the limit of output"));
}

TEST(TemplateLimits, SharedValuesThatUnfold) {
  const std::string text =
      "{% set n = namespace(x=[1]) %}{% for i in range(60) %}{% set n.x = [n.x, n.x] %}{% endfor %}";
  EXPECT_THAT(render(text + "{{ n.x }}"), HasSubstr("the limit of"));
  EXPECT_THAT(render(text + "{{ n.x|tojson }}"), HasSubstr("the limit of"));
  EXPECT_THAT(render(text + "{% set y = n.x %}{{ [n.x, 1] == [y, 2] }}"), HasSubstr("the limit of"));
}

TEST(TemplateLimits, DepthOfCalls) {
  EXPECT_THAT(render("{% macro f(n) %}{{ f(n + 1) }}{% endmacro %}{{ f(0) }}"), HasSubstr("the limit of depth"));
  EXPECT_THAT(render("{% for a in [1] recursive %}{{ loop([1]) }}{% endfor %}"), HasSubstr("the limit of depth"));
  EXPECT_EQ(render("{% macro f(n) %}{{ n }}{% if n %}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(9) }}"), "9876543210");
}

TEST(TemplateLimits, DepthOfValues) {
  EXPECT_THAT(render("{% set n = namespace(x=[]) %}{% for i in range(9999) %}{% set n.x = [n.x] %}{% endfor %}"),
              HasSubstr("the limit of depth"));
}

TEST(TemplateLimits, DepthOfSource) {
  EXPECT_THAT(render("{{ " + nested("(", "1", ")", 5000) + " }}"), HasSubstr("nested too deeply"));
  EXPECT_THAT(render("{{ " + nested("[", "1", "]", 5000) + " }}"), HasSubstr("nested too deeply"));
  EXPECT_THAT(render("{{ " + nested("not ", "1", "", 5000) + " }}"), HasSubstr("nested too deeply"));
  EXPECT_THAT(render("{{ " + nested("- ", "1", "", 5000) + " }}"), HasSubstr("nested too deeply"));
  EXPECT_THAT(render("{{ a" + nested(".b", "", "", 5000) + " }}"), HasSubstr("nested too deeply"));
  EXPECT_THAT(render("{{ a" + nested("|e", "", "", 5000) + " }}"), HasSubstr("nested too deeply"));
  EXPECT_THAT(render("{{ " + nested("1 if 1 else ", "2", "", 5000) + " }}"), HasSubstr("nested too deeply"));
  EXPECT_THAT(render(nested("{% if a %}", "", "{% endif %}", 5000)), HasSubstr("nested too deeply"));
  EXPECT_EQ(render("{{ 0" + nested(" + 1", "", "", 5000) + " }}"), "5000") << "a chain is flat";
}

TEST(TemplateLimits, Source) {
  EXPECT_THAT(render(std::string(2 << 20, 'x')), HasSubstr("too large"));
  EXPECT_THAT(render("0123456789", "{}", {.max_source_bytes = 5}), HasSubstr("too large"));
}

TEST(TemplateLimits, Range) { EXPECT_THAT(render("{{ range(30000000) }}"), HasSubstr("Range too big")); }

TEST(TemplateLimits, ANamespaceMayHoldItself) {
  EXPECT_EQ(render("{% set n = namespace() %}{% set n.n = n %}{% set n.l = [n] %}{{ n.n.n.n is defined }}"), "True");
}

}  // namespace
}  // namespace bp
