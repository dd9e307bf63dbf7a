// Renders one template for a test; an error reads "error: …".
#pragma once

#include <string>
#include <string_view>

#include "template/chat.h"

namespace bp::test {

inline std::string render(std::string_view source, std::string_view variables = "{}",
                          const TemplateLimits& limits = {}) {
  const auto parsed = ChatTemplate::parse(std::string(source), "test");
  if (!parsed) return "error: " + parsed.error().message();
  const json::value values = parse_json(variables, "variables").value();
  const auto text = parsed->render({values.as_object(), "2026-11-23T12:00:00"}, limits);
  return text ? *text : "error: " + text.error().message();
}

}  // namespace bp::test
