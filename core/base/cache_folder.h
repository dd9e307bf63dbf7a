// Where what can be made again is kept.
#pragma once

#include <string>

namespace bp {

// The folder `name` among the caches: below `cache_dir` (models.cache_dir), else $XDG_CACHE_HOME/backplane, else
// ~/.cache/backplane; empty where none is known. The XDG specification has relative folders ignored.
std::string cache_folder(const std::string& cache_dir, const std::string& name);

}  // namespace bp
