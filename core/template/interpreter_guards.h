// What the interpreter opens and must close again on every way out.
// Not thread-safe: used by one interpreter.
#pragma once

#include "template/interpreter.h"

namespace bp::jinja {

// Counts how deep the interpreter's own recursion is. A call of a macro costs several levels.
class Interpreter::Depth {
 public:
  explicit Depth(Interpreter& interpreter) : interpreter_(interpreter) {
    if (++interpreter_.depth_ > kLevelsPerDepth * interpreter_.run_.limits().max_depth) {
      interpreter_.run_.fail("the limit of depth is reached");
    }
  }
  ~Depth() { --interpreter_.depth_; }
  Depth(const Depth&) = delete;
  Depth& operator=(const Depth&) = delete;

 private:
  static constexpr int kLevelsPerDepth = 10;
  Interpreter& interpreter_;
};

// A scope inside of `parent`, for as long as the guard lives; longer where a macro was defined in it.
class Interpreter::Inner {
 public:
  Inner(Interpreter& interpreter, Scope* parent) : interpreter_(interpreter), outer_(interpreter.scope_) {
    auto& spare = interpreter.spare_scopes_;
    if (spare.empty()) {
      scope_ = std::make_unique<Scope>(parent);
    } else {
      scope_ = std::move(spare.back());
      spare.pop_back();
      scope_->reset(parent);
    }
    interpreter_.scope_ = scope_.get();
  }
  ~Inner() {
    interpreter_.scope_ = outer_;
    if (scope_->is_kept()) {
      interpreter_.run_.charge(sizeof(Scope));
      interpreter_.kept_scopes_.push_back(std::move(scope_));
    } else {
      scope_->reset(nullptr);
      interpreter_.spare_scopes_.push_back(std::move(scope_));
    }
  }
  Inner(const Inner&) = delete;
  Inner& operator=(const Inner&) = delete;

 private:
  Interpreter& interpreter_;
  Scope* outer_;
  std::unique_ptr<Scope> scope_;
};

}  // namespace bp::jinja
