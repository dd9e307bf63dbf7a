// The data.pkl of a torch.save archive, read by a machine that knows tensors and nothing else: an opcode or a global
// that is not on its list ends the reading. Nothing named in the file is ever called. Thread-safe: a pure function.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/dtype.h"
#include "base/result.h"

namespace bp {

// A tensor as the pickle describes it; not yet checked against its storage.
struct PickledTensor {
  std::string name;
  DType dtype = DType::kInvalid;
  std::string storage;            // member "data/<storage>" of the archive
  uint64_t storage_elements = 0;  // of `dtype`
  int64_t offset = 0;             // elements
  std::vector<int64_t> dims;
  std::vector<int64_t> strides;  // elements, one per dim
};

// The tensors of a state dict {name: tensor}, or of the one under "state_dict", "model" or "module" in a checkpoint;
// numbers, texts and lists beside them are passed over. Order as in the file; a name that is set twice counts once, as
// last set. Errors: kRefused for anything malformed, too large, or not on the lists (named in the message).
Result<std::vector<PickledTensor>> read_torch_pickle(std::span<const std::byte> bytes, const std::string& where);

}  // namespace bp
