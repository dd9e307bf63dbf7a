// Renders what differential.py makes: JSON lines {"template", "variables", "now"?} on standard input to JSON lines of
// the text, or {"error"}.
#include <cstdio>
#include <iostream>
#include <string>

#include "template/chat.h"

int main() {
  std::ios::sync_with_stdio(false);
  std::string line;
  while (std::getline(std::cin, line)) {
    bp::json::value result;
    const auto input = bp::parse_json(line, "line");
    if (!input) {
      std::cerr << input.error().message() << '\n';
      return 1;
    }
    const bp::json::object& given = input->as_object();
    std::optional<std::string> now;
    if (const auto* time = given.if_contains("now")) now = std::string(time->as_string());
    const auto chat = bp::ChatTemplate::parse(std::string(given.at("template").as_string()), "template");
    const auto text = chat ? chat->render({given.at("variables").as_object(), now})
                           : bp::Result<std::string>(std::unexpected(chat.error()));
    if (text) {
      result = bp::json::string(*text);
    } else {
      result = bp::json::object{{"error", text.error().message()}};
    }
    std::cout << bp::write_json(result, {.ensure_ascii = true}) << '\n' << std::flush;
  }
  return 0;
}
