#include "results.h"

#include <algorithm>
#include <cmath>

namespace bp::conformance {
namespace {

std::string text(const json::object& from, std::string_view key) { return std::string(from.at(key).as_string()); }
bool flag(const json::object& from, std::string_view key) { return from.at(key).as_bool(); }
int64_t whole(const json::object& from, std::string_view key) { return from.at(key).to_number<int64_t>(); }
double real(const json::object& from, std::string_view key) {
  const json::value& value = from.at(key);
  return value.is_null() ? INFINITY : value.to_number<double>();
}
// JSON has no infinity.
json::value number(double value) { return std::isfinite(value) ? json::value(value) : json::value(nullptr); }

template <class T, class F>
std::vector<T> list(const json::object& from, std::string_view key, F f) {
  std::vector<T> out;
  for (const json::value& item : from.at(key).as_array()) out.push_back(f(item.as_object()));
  return out;
}

json::object to_json(const RowFacts& row) {
  return {{"id", row.id},
          {"pattern", row.pattern},
          {"where", row.where},
          {"numerics", row.numerics},
          {"n_ops", row.n_ops},
          {"n_tunables", row.n_tunables},
          {"layouts", row.layouts},
          {"capture_safe", row.capture_safe},
          {"rejected", row.rejected}};
}

RowFacts row_from_json(const json::object& from) {
  return {text(from, "id"),       text(from, "pattern"),      text(from, "where"),
          text(from, "numerics"), whole(from, "n_ops"),       whole(from, "n_tunables"),
          flag(from, "layouts"),  flag(from, "capture_safe"), text(from, "rejected")};
}

json::object to_json(const RowResult& row) {
  return {{"kernel", row.row},          {"passed", row.passed},        {"captured", row.padded},
          {"worst", number(row.worst)}, {"us", number(row.us)},        {"reference_us", number(row.reference_us)},
          {"gbps", number(row.gbps)},   {"gflops", number(row.gflops)}};
}

RowResult row_result_from_json(const json::object& from) {
  return {text(from, "kernel"), flag(from, "passed"),       flag(from, "captured"), real(from, "worst"),
          real(from, "us"),     real(from, "reference_us"), real(from, "gbps"),     real(from, "gflops")};
}

json::object to_json(const FamilyOp& op) {
  return {{"op", op.op}, {"dtype", op.dtype}, {"kernel", op.kernel}, {"why", op.why}, {"count", op.count}};
}

FamilyOp family_op_from_json(const json::object& from) {
  return {text(from, "op"), text(from, "dtype"), text(from, "kernel"), text(from, "why"), whole(from, "count")};
}

template <class T>
json::array array_of(const std::vector<T>& items) {
  json::array out;
  for (const T& item : items) out.push_back(to_json(item));
  return out;
}

}  // namespace

bool FamilyResult::complete() const {
  return why.empty() && std::ranges::none_of(ops, [](const FamilyOp& op) { return op.kernel.empty(); });
}

int64_t Findings::count(Outcome outcome) const {
  return std::ranges::count(checks, outcome, &CheckResult::outcome) +
         std::ranges::count(cases, outcome, &CaseResult::outcome);
}

json::object to_json(const PluginFacts& facts) {
  return {{"file", facts.file},
          {"name", facts.name},
          {"version", facts.version},
          {"vendor", facts.vendor},
          {"device", facts.device},
          {"device_name", facts.device_name},
          {"arch", facts.arch},
          {"driver", facts.driver},
          {"attached", facts.attached},
          {"inline_launch", facts.inline_launch},
          {"copies_async", facts.copies_async},
          {"events", facts.events},
          {"graphs", facts.graphs},
          {"collectives", facts.collectives},
          {"kernels", array_of(facts.rows)}};
}

PluginFacts plugin_from_json(const json::object& from) {
  return {text(from, "file"),          text(from, "name"),         text(from, "version"),
          text(from, "vendor"),        text(from, "device"),       text(from, "device_name"),
          text(from, "arch"),          text(from, "driver"),       flag(from, "attached"),
          flag(from, "inline_launch"), flag(from, "copies_async"), flag(from, "events"),
          flag(from, "graphs"),        flag(from, "collectives"),  list<RowFacts>(from, "kernels", row_from_json)};
}

json::object to_json(const CheckResult& check) {
  return {{"name", check.name}, {"outcome", outcome_name(check.outcome)}, {"why", check.why}, {"grade", check.grade}};
}

CheckResult check_from_json(const json::object& from) {
  return {text(from, "name"), outcome_of(text(from, "outcome")), text(from, "why"), whole(from, "grade")};
}

json::object to_json(const FamilyResult& family) {
  return {{"name", family.name},
          {"weights", family.weights},
          {"complete", family.complete()},
          {"why", family.why},
          {"ops", array_of(family.ops)}};
}

FamilyResult family_from_json(const json::object& from) {
  return {text(from, "name"), text(from, "weights"), text(from, "why"),
          list<FamilyOp>(from, "ops", family_op_from_json)};
}

json::object to_json(const CaseResult& result) {
  return {{"name", result.name},   {"op", result.op},
          {"dtype", result.dtype}, {"outcome", outcome_name(result.outcome)},
          {"why", result.why},     {"kernels", array_of(result.rows)}};
}

CaseResult case_from_json(const json::object& from) {
  return {text(from, "name"),  text(from, "op"),
          text(from, "dtype"), outcome_of(text(from, "outcome")),
          text(from, "why"),   list<RowResult>(from, "kernels", row_result_from_json)};
}

}  // namespace bp::conformance
