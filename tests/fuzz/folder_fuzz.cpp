// A model folder: the length of config.json as four bytes, config.json, then model.safetensors. Opened and built into a
// graph, with everything that brings tensors into GGUF's form on the way.
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

#include "model/model.h"

namespace {

namespace fs = std::filesystem;

struct Folder {
  fs::path path = fs::temp_directory_path() / ("backplane_folder_fuzz_" + std::to_string(getpid()));
  Folder() { fs::create_directories(path); }
  ~Folder() { fs::remove_all(path); }

  void write(const char* name, const uint8_t* data, size_t size) const {
    std::ofstream(path / name, std::ios::binary)
        .write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const Folder folder;
  uint32_t config_size = 0;
  if (size < sizeof(config_size)) return 0;
  std::memcpy(&config_size, data, sizeof(config_size));
  data += sizeof(config_size);
  size -= sizeof(config_size);
  if (config_size > size) return 0;
  folder.write("config.json", data, config_size);
  folder.write("model.safetensors", data + config_size, size - config_size);
  const auto model = bp::Model::open(folder.path.string());
  if (!model) {
    (void)model.error().message();
    return 0;
  }
  const auto graph = model->build_graph({});
  if (!graph) std::abort();  // open() promised that it can be built
  return 0;
}
