// The CPU plugin of this build, or the file that $BACKPLANE_CONFORM_PLUGIN names, opened once in a process. Null, with
// the reason printed, where it cannot be.
#pragma once

#include <cstdlib>
#include <iostream>

#include "subject.h"

namespace bp::conformance {

inline Subject* cpu_subject() {
  const char* named = std::getenv("BACKPLANE_CONFORM_PLUGIN");
  static const auto subject =
      Subject::open({.file = named != nullptr ? named : BP_BUILD_DIR "/lib/backplane/plugins/cpu.so"});
  if (!subject.has_value()) std::cerr << subject.error().message() << '\n';
  return subject.has_value() ? subject->get() : nullptr;
}

}  // namespace bp::conformance
