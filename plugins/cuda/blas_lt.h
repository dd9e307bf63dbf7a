// cuBLASLt, loaded when a device is opened: the library has half a gigabyte, which neither the probe of a plugin nor a
// machine without it should pay for. Thread-safe once open.
#pragma once

#include <backplane/plugin.h>
#include <cublasLt.h>

#include <memory>

namespace bp::cuda {

class BlasLt {
 public:
  // Null where the library is not installed or does not start.
  static std::unique_ptr<BlasLt> open();
  ~BlasLt();
  BlasLt(const BlasLt&) = delete;
  BlasLt& operator=(const BlasLt&) = delete;

  static constexpr uint64_t kWorkspaceBytes = uint64_t{1} << 20;

  // y [m, n] f32 = x [m, k] w [n, k]^T, all row-major, x and w of f32, f16 or bf16.
  class Product {
   public:
    ~Product();
    Product() = default;
    Product(const Product&) = delete;
    Product& operator=(const Product&) = delete;
    // cudaErrorNotSupported where the library has no algorithm. The algorithm depends on dtype, n and k alone, so that
    // a row of y has the same bits whatever m is. May take long.
    cudaError_t plan(const BlasLt& library, uint16_t dtype, int64_t m, int64_t n, int64_t k);
    // Enqueues; with `add` onto y. ws [kWorkspaceBytes]
    cudaError_t run(const void* x, const void* w, float* y, bool add, void* ws, cudaStream_t stream) const;

   private:
    cudaError_t choose(cudaDataType_t type, uint64_t depth, uint64_t rows);

    const BlasLt* library_ = nullptr;
    cublasLtMatmulDesc_t operation_ = nullptr;
    cublasLtMatrixLayout_t w_ = nullptr, x_ = nullptr, y_ = nullptr;
    cublasLtMatmulAlgo_t algorithm_{};
  };

 private:
  BlasLt() = default;
  bool load();

  // The library's functions.
  decltype(&cublasLtCreate) create_ = nullptr;
  decltype(&cublasLtDestroy) destroy_ = nullptr;
  decltype(&cublasLtMatmul) matmul_ = nullptr;
  decltype(&cublasLtMatmulAlgoGetHeuristic) get_heuristic_ = nullptr;
  decltype(&cublasLtMatmulAlgoCheck) check_ = nullptr;
  decltype(&cublasLtMatmulDescCreate) desc_create_ = nullptr;
  decltype(&cublasLtMatmulDescDestroy) desc_destroy_ = nullptr;
  decltype(&cublasLtMatmulDescSetAttribute) desc_set_ = nullptr;
  decltype(&cublasLtMatrixLayoutCreate) layout_create_ = nullptr;
  decltype(&cublasLtMatrixLayoutDestroy) layout_destroy_ = nullptr;
  decltype(&cublasLtMatmulPreferenceCreate) preference_create_ = nullptr;
  decltype(&cublasLtMatmulPreferenceDestroy) preference_destroy_ = nullptr;
  decltype(&cublasLtMatmulPreferenceSetAttribute) preference_set_ = nullptr;

  void* file_ = nullptr;
  cublasLtHandle_t handle_ = nullptr;
};

}  // namespace bp::cuda
