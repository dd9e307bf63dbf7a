// The CPU plugin of this build, opened once in a process. Null, with the reason printed, where it cannot be.
#pragma once

#include <iostream>

#include "subject.h"

namespace bp::conformance {

inline Subject* cpu_subject() {
  static const auto subject = Subject::open({.file = BP_BUILD_DIR "/lib/backplane/plugins/cpu.so"});
  if (!subject.has_value()) std::cerr << subject.error().message() << '\n';
  return subject.has_value() ? subject->get() : nullptr;
}

}  // namespace bp::conformance
