#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "render.h"

namespace bp {
namespace {

using test::render;
using ::testing::HasSubstr;

TEST(If, TakesTheFirstBranchThatHolds) {
  const char* source = "{% if a %}1{% elif b %}2{% else %}3{% endif %}";
  EXPECT_EQ(render(source, R"({"a": 1})"), "1");
  EXPECT_EQ(render(source, R"({"a": [], "b": "x"})"), "2");
  EXPECT_EQ(render(source, R"({"a": "", "b": 0})"), "3");
}

TEST(For, KnowsWhereItIs) {
  EXPECT_EQ(render("{% for x in 'abc' %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.first }}"
                   "{{ loop.last }}{{ loop.length }}{{ loop.previtem }}{{ loop.nextitem }};{% endfor %}"),
            "103TrueFalse3b;212FalseFalse3ac;321FalseTrue3b;");
}

TEST(For, FiltersAndOtherwise) {
  EXPECT_EQ(render("{% for x in range(6) if x is odd %}{{ loop.index }}:{{ x }} {% else %}none{% endfor %}"),
            "1:1 2:3 3:5 ");
  EXPECT_EQ(render("{% for x in [] %}x{% else %}none{% endfor %}"), "none");
  EXPECT_EQ(render("{% for x in nothing %}x{% else %}none{% endfor %}"), "none");
}

TEST(For, BreaksAndContinues) {
  EXPECT_EQ(
      render("{% for x in range(9) %}{% if x == 1 %}{% continue %}{% endif %}{% if x == 4 %}{% break %}{% endif %}"
             "{{ x }}{% endfor %}"),
      "023");
}

TEST(For, CallsItselfWhereRecursive) {
  EXPECT_EQ(
      render("{% for x in t recursive %}{{ loop.depth }}{{ x.n }}{% if x.c %}({{ loop(x.c) }}){% endif %}{% endfor %}",
             R"({"t": [{"n": "a", "c": [{"n": "b"}, {"n": "c", "c": [{"n": "d"}]}]}, {"n": "e"}]})"),
      "1a(2b2c(3d))1e");
}

TEST(For, GoesOverKeysAndItems) {
  const char* d = R"({"d": {"x": 1, "y": [2]}})";
  EXPECT_EQ(render("{% for k in d %}{{ k }}{% endfor %}", d), "xy");
  EXPECT_EQ(render("{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}", d), "x=1;y=[2];");
  EXPECT_EQ(render("{% for k, v in d|items %}{{ k }}{% endfor %}{{ d.values()|list }}{{ d.keys()|list }}", d),
            "xy[1, [2]]['x', 'y']");
  EXPECT_EQ(render("{% for a, b in [1] %}{% endfor %}"), "error: test:1: 'int' object is not iterable");
}

TEST(Scopes, ALoopsVariablesStayInItsRound) {
  EXPECT_EQ(render("{% set x = 1 %}{% for i in range(2) %}{{ x }}{% set x = 5 %}{{ x }}{% endfor %}{{ x }}"), "15151");
  EXPECT_EQ(render("{% if true %}{% set x = 1 %}{% endif %}{{ x }}"), "1");
  EXPECT_EQ(render("{% set n = namespace(x=1) %}{% for i in range(3) %}{% set n.x = n.x * 2 %}{% endfor %}{{ n.x }}"),
            "8");
  EXPECT_EQ(render("{% with a = 1, b = 2 %}{{ a + b }}{% endwith %}{{ a is defined }}"), "3False");
}

TEST(Set, OfABlockAndThroughAFilter) {
  EXPECT_EQ(render("{% set x %} a{{ 1 }} {% endset %}[{{ x }}]"), "[ a1 ]");
  EXPECT_EQ(render("{% set x | trim | upper %} ab {% endset %}[{{ x }}]"), "[AB]");
  EXPECT_EQ(render("{% filter upper|trim %} a{{ 'b' }} {% endfilter %}"), "AB");
  EXPECT_THAT(render("{% set x = 1 %}{% set x.y = 2 %}"), HasSubstr("non-namespace"));
}

TEST(Macro, TakesDefaultsAndNames) {
  const std::string f = "{% macro f(a, b='B', c=a) %}{{ a }}{{ b }}{{ c }};{% endmacro %}";
  EXPECT_EQ(render(f + "{{ f(1) }}{{ f(1, 2) }}{{ f(c=3, a=1) }}{{ f() }}"), "1B1;121;1B3;B;");
  EXPECT_THAT(render(f + "{{ f(1, 2, 3, 4) }}"), HasSubstr("not more than 3"));
  EXPECT_THAT(render(f + "{{ f(d=1) }}"), HasSubstr("no keyword argument 'd'"));
  EXPECT_EQ(render("{% macro g() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ g(1, 2, k=3) }}"), "(1, 2){'k': 3}");
}

TEST(Macro, SeesWhatIsAroundItsDefinition) {
  EXPECT_EQ(
      render("{% macro f() %}{{ x }}{% endmacro %}{% set x = 1 %}{{ f() }}{% for x in [2] %}{{ f() }}{% endfor %}"),
      "11");
  EXPECT_EQ(render("{% for i in [1, 2] %}{% macro f() %}{{ i }}{% endmacro %}{{ f() }}{% endfor %}"), "12");
}

TEST(Macro, OutlivesTheBlockThatDefinedIt) {
  EXPECT_EQ(render("{% set n = namespace() %}{% for i in [1, 2] %}{% macro f() %}{{ i }}{% endmacro %}{% set n.f = f %}"
                   "{% endfor %}{{ n.f() }}"),
            "2");
}

TEST(CallBlock, GivesItsBodyToTheMacro) {
  EXPECT_EQ(render("{% macro f(x) %}<{{ caller(x) }}>{% endmacro %}{% call(y) f(3) %}{{ y }}!{% endcall %}"), "<3!>");
  EXPECT_EQ(render("{% macro f() %}<{{ caller() }}>{% endmacro %}{% call f() %}in{% endcall %}"), "<in>");
  EXPECT_THAT(render("{% macro f() %}{{ caller() }}{% endmacro %}{{ f() }}"), HasSubstr("No caller defined"));
}

TEST(Generation, RendersItsBody) { EXPECT_EQ(render("{% generation %}a{{ 1 }}{% endgeneration %}"), "a1"); }

TEST(Undefined, IsEmptyButNotForUse) {
  EXPECT_EQ(render("[{{ x }}{{ x|default('d') }}{{ x ~ 'a' }}{{ x == y }}{{ x|length }}{{ {}.a }}]"), "[daTrue0]");
  EXPECT_EQ(render("{{ x.y }}"), "error: test:1: 'x' is undefined");
  EXPECT_EQ(render("{{ d.a.b }}", R"({"d": {}})"), "error: test:1: 'dict object' has no attribute 'a'");
  EXPECT_EQ(render("{{ [1][3] + 1 }}"), "error: test:1: list object has no element 3");
  EXPECT_EQ(render("{{ x + 1 }}"), "error: test:1: 'x' is undefined");
  EXPECT_EQ(render("{{ f() }}"), "error: test:1: 'f' is undefined");
}

TEST(Sandbox, GivesOutNothingThatChangesOrEscapes) {
  EXPECT_THAT(render("{{ [1].append(2) }}"), HasSubstr("access to attribute 'append' of 'list' object is unsafe."));
  EXPECT_THAT(render("{{ {}.update({}) }}"), HasSubstr("unsafe"));
  EXPECT_EQ(render("[{{ ''.__class__ }}]"), "[]");  // undefined: it may be printed
  EXPECT_THAT(render("{{ ''.__class__.x }}"), HasSubstr("unsafe"));
  EXPECT_THAT(render("{{ ''['__class__'].x }}"), HasSubstr("unsafe"));
  EXPECT_THAT(render("{{ '{0.__class__.x}'.format(1) }}"), HasSubstr("unsafe"));
}

TEST(Calls, OfWhatCannotBeCalled) {
  EXPECT_EQ(render("{{ 1() }}"), "error: test:1: 'int' object is not callable");
  EXPECT_EQ(render("{{ none.x.y }}"), "error: test:1: 'None' has no attribute 'x'");
  EXPECT_THAT(render("{{ x|nothing }}"), HasSubstr("No filter named 'nothing'"));
  EXPECT_THAT(render("{{ x is nothing }}"), HasSubstr("No test named 'nothing'"));
  EXPECT_EQ(render("{% if false %}{{ x|nothing }}{% endif %}ok"), "ok");
}

}  // namespace
}  // namespace bp
