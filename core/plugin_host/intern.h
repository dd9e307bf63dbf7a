// The numbers behind versioned names: ops "matmul@1", layouts "cuda.tile16@2", native types "cuda.stream".
// Thread-safe. One table for the process, because the border promises numbers for the process: a plugin may keep them
// across registries. A number once given never changes.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace bp {

// Makes the host's ops known. Names that are not well-formed are a programmer's error.
void intern_ops(std::span<const std::string> ops);
// The number of a name, or 0: not well-formed, too long, an op that this host lacks, or the table is full. A name with
// a dot before any "@" belongs to a plugin (layouts, native types) and is added when it is new; without one it is an
// op. Names under "coll." and "kv." are ops, too.
uint32_t intern(std::string_view name);
// The name behind a number, for messages; empty for 0 and for numbers never given.
std::string interned_name(uint32_t number);

}  // namespace bp
