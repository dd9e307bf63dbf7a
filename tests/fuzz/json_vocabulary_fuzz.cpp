// A tokenizer.json on its way to GGUF, whatever it says.
#include <cstdint>
#include <string_view>

#include "base/json.h"
#include "model/json_vocabulary.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto document = bp::parse_json({reinterpret_cast<const char*>(data), size}, "fuzz.json");
  if (!document || !document->is_object()) return 0;
  const auto vocabulary = bp::read_json_vocabulary(document->get_object(), 16, "fuzz.json");
  if (!vocabulary) return vocabulary.error().message().empty() ? 1 : 0;
  return vocabulary->tokens.size() == vocabulary->types.size() ? 0 : 1;
}
