#include "model/torch_globals.h"

#include <array>

namespace bp {
namespace {

constexpr std::array kGlobals = {
    TorchGlobalEntry{"collections.OrderedDict", TorchGlobal::kOrderedDict},
    TorchGlobalEntry{"torch._utils._rebuild_tensor", TorchGlobal::kRebuildTensor},
    TorchGlobalEntry{"torch._utils._rebuild_tensor_v2", TorchGlobal::kRebuildTensor},
    TorchGlobalEntry{"torch._utils._rebuild_tensor_v3", TorchGlobal::kRebuildTensorV3},
    TorchGlobalEntry{"torch._utils._rebuild_parameter", TorchGlobal::kRebuildParameter},
    TorchGlobalEntry{"torch.Size", TorchGlobal::kSize},
    TorchGlobalEntry{"torch.FloatStorage", TorchGlobal::kStorage, DType::kF32},
    TorchGlobalEntry{"torch.DoubleStorage", TorchGlobal::kStorage, DType::kF64},
    TorchGlobalEntry{"torch.HalfStorage", TorchGlobal::kStorage, DType::kF16},
    TorchGlobalEntry{"torch.BFloat16Storage", TorchGlobal::kStorage, DType::kBF16},
    TorchGlobalEntry{"torch.LongStorage", TorchGlobal::kStorage, DType::kI64},
    TorchGlobalEntry{"torch.IntStorage", TorchGlobal::kStorage, DType::kI32},
    TorchGlobalEntry{"torch.ShortStorage", TorchGlobal::kStorage, DType::kI16},
    TorchGlobalEntry{"torch.CharStorage", TorchGlobal::kStorage, DType::kI8},
    TorchGlobalEntry{"torch.ByteStorage", TorchGlobal::kStorage, DType::kU8},
    TorchGlobalEntry{"torch.BoolStorage", TorchGlobal::kStorage, DType::kBool},
    // The storage of types that are younger than typed storages; _rebuild_tensor_v3 names the type.
    TorchGlobalEntry{"torch.storage.UntypedStorage", TorchGlobal::kStorage, DType::kInvalid},
    TorchGlobalEntry{"torch.float8_e4m3fn", TorchGlobal::kDType, DType::kFp8E4M3},
    TorchGlobalEntry{"torch.float8_e5m2", TorchGlobal::kDType, DType::kFp8E5M2},
    TorchGlobalEntry{"torch.float8_e8m0fnu", TorchGlobal::kDType, DType::kE8M0},
    TorchGlobalEntry{"torch.float32", TorchGlobal::kDType, DType::kF32},
    TorchGlobalEntry{"torch.float64", TorchGlobal::kDType, DType::kF64},
    TorchGlobalEntry{"torch.float16", TorchGlobal::kDType, DType::kF16},
    TorchGlobalEntry{"torch.bfloat16", TorchGlobal::kDType, DType::kBF16},
};

}  // namespace

const TorchGlobalEntry* find_torch_global(std::string_view name) {
  for (const TorchGlobalEntry& entry : kGlobals) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

}  // namespace bp
