// Fixed-size texts of the border.
#pragma once

#include <backplane/plugin.h>

#include <cstddef>
#include <cstdio>

namespace bp::cpu {

template <size_t N>
void copy_text(char (&out)[N], const char* text) {
  std::snprintf(out, N, "%s", text);
}

// Fills in the error, if there is one to fill, and gives the status back.
inline bp_status set_error(bp_err* err, bp_status code, const char* text) {
  if (err != nullptr) {
    err->code = code;
    err->native = 0;
    err->launch_tag = 0;
    err->scope = BP_SCOPE_CALL;
    copy_text(err->msg, text);
  }
  return code;
}

}  // namespace bp::cpu
