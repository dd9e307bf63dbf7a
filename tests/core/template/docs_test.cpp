// The example of docs/templates.md.
#include <gtest/gtest.h>

#include "base/mapped_file.h"
#include "render.h"

namespace bp {
namespace {

// What stands between ```KIND and ```, without the last line end.
std::string block_of(const std::string& page, const std::string& kind) {
  const size_t begin = page.find("```" + kind + "\n") + kind.size() + 4;
  return page.substr(begin, page.find("\n```", begin) - begin);
}

TEST(Docs, TheExampleIsRenderedAsThePageSays) {
  const std::string page = read_text_file(BP_SOURCE_DIR "/docs/templates.md", 1 << 20).value();
  EXPECT_EQ(test::render(block_of(page, "jinja"), block_of(page, "json")), block_of(page, "text"));
}

TEST(Docs, WhatIsNotThereIsRefused) {
  for (const char* name : {"pprint", "random", "striptags", "urlize", "wordwrap", "xmlattr"}) {
    EXPECT_FALSE(ChatTemplate::parse("{{ x|" + std::string(name) + " }}", "t").has_value()) << name;
  }
  for (const char* source : {"{% block a %}{% endblock %}", "{% autoescape true %}{% endautoescape %}"}) {
    EXPECT_FALSE(ChatTemplate::parse(source, "t").has_value()) << source;
  }
  for (const char* source :
       {"{{ cycler(1) }}", "{{ joiner() }}", "{{ lipsum() }}", "{{ 1.real.x }}", "{{ 2 ** 64 }}"}) {
    EXPECT_TRUE(test::render(source).starts_with("error: ")) << source;
  }
}

}  // namespace
}  // namespace bp
