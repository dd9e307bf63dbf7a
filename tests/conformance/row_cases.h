// Problems made out of a kernel row's own pattern, so that a fusion which nobody but its plugin knows is checked as
// well: its reference is the reference of its ops, one after another. Not thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "results.h"

namespace bp::conformance {

inline constexpr const char* kRowPrefix = "row_";  // of the failure that stands for a row that no case comes to

RowFacts row_facts(const bp_kernel& kernel);

// A pattern of more than one op, or a guard that asks for an operand; the others are ops, for which there are cases.
bool needs_pattern_case(const bp_kernel& kernel);
bool pattern_has(const bp_kernel& kernel, std::string_view op);
std::string pattern_case_name(const bp_kernel& kernel);  // "pattern_cpu.silu_mul"

// One graph for each dtype that the row's guard lists, with the first shapes that the row takes. No kernel: none could
// be made that it takes (a row that other cases come to is fine all the same).
CaseResult judge_pattern(const bp_kernel& kernel, Subject& subject, bool timed);

}  // namespace bp::conformance
