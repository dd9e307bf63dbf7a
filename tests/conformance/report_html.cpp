#include "report.h"

namespace bp::conformance {
namespace {

// conform.html as CMake embeds it.
constexpr std::string_view kPage =
#include "conform_page.inc"
    ;
constexpr std::string_view kPlace = "@REPORT@";

}  // namespace

std::string report_html(const Findings& findings) {
  // Names come from the plugin: nothing in them may end the script that holds them.
  std::string text;
  for (const char c : write_json(report_json(findings), {.ensure_ascii = true})) {
    text += c == '<' ? std::string("\\u003c") : std::string(1, c);
  }
  std::string page(kPage);
  page.replace(page.find(kPlace), kPlace.size(), text);
  return page;
}

}  // namespace bp::conformance
