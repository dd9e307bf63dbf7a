// A PyTorch file of weights (torch.save since 1.6: pytorch_model.bin, .pt, .pth): a ZIP archive of data.pkl, which
// describes the tensors, and data/<key>, the bytes of each storage. Read by a machine of our own that can build tensors
// and nothing else (torch_pickle.h). Thread-safe: a pure function.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/weight_view.h"

namespace bp {

struct TorchFile {
  std::vector<WeightView> tensors;                   // in the order of the file; several may share bytes
  std::vector<std::unique_ptr<std::byte[]>> copies;  // of the tensors whose elements do not lie in order
};

// `where` names the file in errors; `bytes` outlives the result.
// Checked: every tensor lies inside its storage, every storage is as large as it says.
// Errors: kRefused for anything malformed, for what is no tensor, for a file in the format before 1.6, and where the
// copies would take more than twice the file.
Result<TorchFile> read_torch_file(std::span<const std::byte> bytes, const std::string& where);

}  // namespace bp
