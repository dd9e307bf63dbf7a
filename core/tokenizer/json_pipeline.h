// The parts of a tokenizer.json between its text and its model: "normalizer", "pre_tokenizer" and "decoder".
// Thread-safety: pure functions. Errors: kUnsupported naming the part that we do not have, kRefused for a damaged one.
#pragma once

#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "tokenizer/tokenizer_spec.h"

namespace bp {

// A part and what is within its Sequences, in order; empty where root[key] is missing. `list` names the member of a
// Sequence: "normalizers", "pretokenizers", "decoders", "processors".
Result<std::vector<const json::object*>> flatten_part(const json::object& root, std::string_view key,
                                                      std::string_view list, std::string_view where);
std::unexpected<Error> unsupported_part(std::string_view part, std::string_view what, std::string_view where);
std::unexpected<Error> refused_json(std::string_view where, std::string what);

// {"String": …} or {"Regex": …}, or a string.
Result<TextPattern> read_pattern(const json::object& node, std::string_view where);

Status read_normalizer(const json::object& root, TokenizerSpec& spec, std::string_view where);
// `bytes`: the byte alphabet of a closing ByteLevel is left out, and the model sees bytes.
Status read_pre_tokenizer(const json::object& root, bool bytes, TokenizerSpec& spec, std::string_view where);
// Whether the pipeline is byte-level from end to end, so that the alphabet need never be written.
Result<bool> is_byte_level(const json::object& root, std::string_view where);
Status read_decoder(const json::object& root, TokenizerSpec& spec, std::string_view where);

}  // namespace bp
