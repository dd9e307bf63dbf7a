// Backplane as a C++ library (docs/library.md): the one header to include. What it declares lives in namespace
// bp::api and is called bp::Session, bp::Tensor, bp::compile, ….
// Errors are exceptions of type bp::Error. Handles (Tensor, Session, Program) are cheap to copy and share what they
// refer to. Not thread-safe: a session, its tensors and its programs belong to one thread at a time; an Engine
// likewise.
#pragma once

#if !defined(_MSVC_LANG) && __cplusplus < 202002L
#error "Backplane needs C++20 or later: -std=c++20, or target_link_libraries(… Backplane::backplane), which asks for it"
#endif

#include <backplane/api/device.h>
#include <backplane/api/engine.h>
#include <backplane/api/error.h>
#include <backplane/api/ops.h>
#include <backplane/api/profile.h>
#include <backplane/api/program.h>
#include <backplane/api/session.h>
#include <backplane/api/tensor.h>
#include <backplane/api/types.h>

namespace bp {
using namespace api;
}
