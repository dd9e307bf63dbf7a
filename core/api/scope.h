// The scopes that Scope objects of this thread have opened.
#pragma once

#include <string>
#include <vector>

namespace bp::api {

std::vector<std::string>& scopes();
std::string scope_text();  // "blk.0.attn"

}  // namespace bp::api
