// Links that give a copy of a library the surroundings of the original. Thread-safety: a free function.
#pragma once

#include <span>
#include <string>

namespace bp {

// Below `root` the copy has the path of the original, `file`: makes links so that each folder of `search_dirs` that
// names $ORIGIN leads to what the original finds there. What cannot be linked is left out: the loader will say it.
void link_origin_dirs(const std::string& root, const std::string& file, std::span<const std::string> search_dirs);

bool names_origin(std::span<const std::string> search_dirs);
// `dir` with $ORIGIN replaced.
std::string expand_origin(std::string dir, const std::string& origin);

}  // namespace bp
