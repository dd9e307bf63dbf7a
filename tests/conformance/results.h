// What a run of the suite found, as plain values and as JSON: the report's file, and what the process that runs the
// cases tells the one that reports.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "judge.h"

namespace bp::conformance {

// One kernel row of the plugin.
struct RowFacts {
  std::string id, pattern, where, numerics;
  int64_t n_ops = 0;  // of the pattern; 0: the pattern cannot be read
  int64_t n_tunables = 0;
  bool layouts = false;  // takes some weight in a named layout
  bool capture_safe = false;
  std::string rejected{};  // why the host leaves it out; empty: it does not
};

struct PluginFacts {
  std::string file, name, version, vendor;
  std::string device, device_name, arch, driver;
  bool attached = false;
  bool inline_launch = false, copies_async = false, events = false, graphs = false, collectives = false;
  std::vector<RowFacts> rows;
};

// Of the border: see border.h.
struct CheckResult {
  std::string name;
  Outcome outcome = Outcome::kFailed;
  std::string why;
  int64_t grade = 0;
};

// An op of a model's step.
struct FamilyOp {
  std::string op, dtype;  // "mul+silu", of the weight
  std::string kernel;     // empty: the reference runs it
  std::string why;        // where the reference does
  int64_t count = 0;
};
struct FamilyResult {
  std::string name;     // "llama"
  std::string weights;  // "f32", "q8_0"
  std::string why;      // it could not be judged
  std::vector<FamilyOp> ops;
  bool complete() const;  // nothing falls back
};

struct Findings {
  PluginFacts plugin;
  std::vector<CheckResult> checks;
  std::vector<FamilyResult> families;
  std::vector<CaseResult> cases;
  bool filtered = false;  // not all of them were asked for
  double seconds = 0;

  int64_t count(Outcome outcome) const;  // of checks and cases
  // Not of a part of the cases, nor of an attached plugin, which has no device of its own.
  bool graded() const { return !filtered && !plugin.attached; }
};

json::object to_json(const PluginFacts& facts);
json::object to_json(const CheckResult& check);
json::object to_json(const FamilyResult& family);
json::object to_json(const CaseResult& result);

// REQUIRES: made by to_json().
PluginFacts plugin_from_json(const json::object& from);
CheckResult check_from_json(const json::object& from);
FamilyResult family_from_json(const json::object& from);
CaseResult case_from_json(const json::object& from);

}  // namespace bp::conformance
