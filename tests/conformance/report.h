// What a run found, for people and for programs. Pure functions but write_report().
#pragma once

#include <string>

#include "base/json.h"
#include "base/result.h"
#include "results.h"

namespace bp::conformance {

// docs/conform.md has its shape.
json::object report_json(const Findings& findings);
// One page without anything from outside.
std::string report_html(const Findings& findings);
// The pass table, failures, coverage and grade. `colour`: for a terminal.
std::string report_text(const Findings& findings, bool colour);

// conform.json and conform.html in `folder`, which is made where there is none.
Status write_report(const Findings& findings, const std::string& folder);

}  // namespace bp::conformance
