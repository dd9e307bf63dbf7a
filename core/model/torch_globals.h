// The names a PyTorch file may ask for. Thread-safe: a table.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/dtype.h"

namespace bp {

enum class TorchGlobal : uint8_t {
  kOrderedDict,
  kRebuildTensor,
  kRebuildTensorV3,
  kRebuildParameter,
  kSize,
  kStorage,
  kDType,
};

struct TorchGlobalEntry {
  std::string_view name;  // module and name, "torch.FloatStorage"
  TorchGlobal global;
  DType dtype = DType::kInvalid;  // of kStorage and kDType; invalid: an untyped storage
};

// Null: not on the list.
const TorchGlobalEntry* find_torch_global(std::string_view name);

}  // namespace bp
