#include "suite_child.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <regex>

#include "border.h"
#include "families.h"
#include "row_cases.h"

namespace bp::conformance {
namespace {

// Last: all that was opened, closed.
constexpr const char* kClose = "border_close";

struct Item {
  std::string kind, name;
  std::function<json::object()> run;       // the result
  std::function<json::object()> untested;  // what a result looks like that did not come: everything but the outcome
};

class Child {
 public:
  Child(const SuiteOptions& options, int fd) : options_(options), fd_(fd) {}

  void run(size_t first) {
    auto subject = Subject::open(options_.subject);
    if (!subject.has_value()) {
      const Error& error = subject.error();
      return line({{"refused", json::object{{"code", static_cast<int>(error.code)},
                                            {"where", error.where},
                                            {"what", error.what},
                                            {"fix", error.fix}}}});
    }
    subject_ = std::move(*subject);
    make_items();
    line({{"plugin", to_json(facts())}});
    json::array names;
    for (const Item& item : items_) names.emplace_back(item.name);
    line({{"plan", names}});
    for (size_t i = first; i < items_.size(); ++i) {
      const Item& item = items_[i];
      line({{"begin", i}, {item.kind, item.untested()}});
      line({{item.kind, item.run()}});
      // What comes next would fail with it: another process goes on.
      if (subject_ != nullptr && subject_->device().fault().lost()) ::_exit(0);
    }
    line({{"done", true}});
  }

 private:
  void line(const json::object& object) {
    const std::string text = write_json(object) + "\n";
    for (size_t done = 0; done < text.size();) {
      const ssize_t n = ::write(fd_, text.data() + done, text.size() - done);
      if (n < 0 && errno != EINTR) ::_exit(1);  // nobody listens any more
      done += n > 0 ? static_cast<size_t>(n) : 0;
    }
  }

  PluginFacts facts() const {
    const Device& device = subject_->device();
    const Manifest& manifest = subject_->manifest();
    PluginFacts facts;
    facts.file = options_.subject.file;
    facts.name = manifest.name;
    facts.version = manifest.version;
    facts.vendor = manifest.vendor;
    facts.device = device.info().id;
    facts.device_name = device.info().name;
    facts.arch = device.info().arch;
    facts.driver = device.info().driver;
    facts.attached = subject_->attached();
    facts.inline_launch = device.inline_launch();
    facts.copies_async = device.copies_async();
    facts.events = device.has_events();
    facts.graphs = device.extension("graph/1") != nullptr;
    facts.collectives = device.extension("coll/1") != nullptr;
    for (const bp_kernel* kernel : subject_->rows()) facts.rows.push_back(row_facts(*kernel));
    return facts;
  }

  bool wanted(const std::string& name) const {
    return options_.only.empty() || std::regex_search(name, std::regex(options_.only));
  }

  void make_items() {
    const Subject* subject = subject_.get();
    for (const BorderCheck& check : border_checks()) {
      if (!wanted(check.name) || !options_.op.empty() || subject->attached()) continue;
      const auto result = [&check](const BorderFinding& found) {
        return to_json(CheckResult{check.name, found.outcome, found.why, check.grade});
      };
      add({"check", check.name, [this, &check, result] { return result(check.run(*subject_)); },
           [result] { return result({Outcome::kFailed, ""}); }});
    }
    for (size_t i = 0; i < families().size(); ++i) {
      const std::string name = "family_" + families()[i].label();
      if (!wanted(name) || !options_.op.empty()) continue;
      const auto untested = [i] { return to_json(FamilyResult{families()[i].name, families()[i].weights, "", {}}); };
      items_.push_back({"family", name, [this, i] { return to_json(cover(families()[i], *subject_)); }, untested});
    }
    for (const bp_kernel* kernel : subject->rows()) add_pattern(*kernel);
    for (Case& entry : all_cases()) add_case(std::move(entry));
    if (wanted(kClose) && options_.op.empty()) {
      const auto result = [](Outcome outcome) { return to_json(CheckResult{kClose, outcome, "", 0}); };
      add({"check", kClose,
           [this, result] {
             subject_.reset();
             return result(Outcome::kPassed);
           },
           [result] { return result(Outcome::kFailed); }});
    }
  }

  void add_pattern(const bp_kernel& kernel) {
    const std::string name = pattern_case_name(kernel);
    if (!wanted(name) || !needs_pattern_case(kernel)) return;
    if (!options_.op.empty() && !pattern_has(kernel, options_.op)) return;
    add({"case", name, [this, &kernel] { return to_json(judge_pattern(kernel, *subject_, options_.timed)); },
         [name] { return to_json(named(name)); }});
  }

  static CaseResult named(const std::string& name) {
    CaseResult none;
    none.name = name;
    return none;
  }

  void add_case(Case entry) {
    if (!wanted(entry.name)) return;
    if (!options_.op.empty()) {
      const auto ops = ops_of(entry);
      if (std::ranges::find(ops, options_.op) == ops.end()) return;
    }
    const std::string name = entry.name;
    add({"case", name, [this, made = std::move(entry)] { return to_json(judge(made, *subject_, options_.timed)); },
         [name] { return to_json(named(name)); }});
  }

  void add(Item item) {
    const auto skip = options_.skips.find(item.name);
    if (skip != options_.skips.end()) {
      item.run = [untested = item.untested, why = skip->second] {
        json::object result = untested();
        result["outcome"] = outcome_name(Outcome::kSkipped);
        result["why"] = why;
        return result;
      };
    }
    items_.push_back(std::move(item));
  }

  const SuiteOptions& options_;
  int fd_;
  std::unique_ptr<Subject> subject_;
  std::vector<Item> items_;
};

}  // namespace

void run_child(const SuiteOptions& options, size_t first, int fd) { Child(options, fd).run(first); }

}  // namespace bp::conformance
