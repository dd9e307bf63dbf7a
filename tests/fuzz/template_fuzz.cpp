// Any bytes as a template: parsing and rendering end soon, with a text or an error.
#include <cstdint>
#include <string>

#include "template/chat.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const bp::json::value kVariables =
      bp::parse_json(R"({"messages": [{"role": "user", "content": "Hi {{ x }}"}, {"role": "assistant", "content": null,
        "tool_calls": [{"function": {"name": "f", "arguments": {"a": [1, 2.5, "é"]}}}]}], "add_generation_prompt": true,
        "bos_token": "<s>", "eos_token": "</s>"})",
                     "variables")
          .value();
  const auto parsed = bp::ChatTemplate::parse(std::string(reinterpret_cast<const char*>(data), size), "fuzz");
  if (!parsed) return 0;
  const bp::TemplateLimits limits{.max_steps = 20'000, .max_output_bytes = 1 << 20};
  (void)parsed->render({kVariables.as_object(), "2026-11-23T12:00:00"}, limits);
  return 0;
}
