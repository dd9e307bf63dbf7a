#include "blas_lt.h"

#include <dlfcn.h>

#include <new>

namespace bp::cuda {
namespace {

constexpr const char* kLibrary = "libcublasLt.so.13";  // of the toolkit whose header this is compiled with
constexpr uint32_t kAlign = BP_ARG_ALIGN;
constexpr uint64_t kAskedRows = 64;  // algorithms are chosen for so many rows

template <class F>
bool find(void* file, const char* name, F& function) {
  function = reinterpret_cast<F>(::dlsym(file, name));
  return function != nullptr;
}

cudaDataType_t data_type(uint16_t dtype) {
  return dtype == BP_DT_F32 ? CUDA_R_32F : dtype == BP_DT_F16 ? CUDA_R_16F : CUDA_R_16BF;
}

cudaError_t as_cuda(cublasStatus_t status) {
  switch (status) {
    case CUBLAS_STATUS_SUCCESS:
      return cudaSuccess;
    case CUBLAS_STATUS_NOT_SUPPORTED:
    case CUBLAS_STATUS_ARCH_MISMATCH:
      return cudaErrorNotSupported;
    case CUBLAS_STATUS_ALLOC_FAILED:
      return cudaErrorMemoryAllocation;
    case CUBLAS_STATUS_INVALID_VALUE:
      return cudaErrorInvalidValue;
    default:
      return cudaErrorUnknown;
  }
}

}  // namespace

bool BlasLt::load() {
  file_ = ::dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);
  return file_ != nullptr && find(file_, "cublasLtCreate", create_) && find(file_, "cublasLtDestroy", destroy_) &&
         find(file_, "cublasLtMatmul", matmul_) && find(file_, "cublasLtMatmulAlgoGetHeuristic", get_heuristic_) &&
         find(file_, "cublasLtMatmulAlgoCheck", check_) && find(file_, "cublasLtMatmulDescCreate", desc_create_) &&
         find(file_, "cublasLtMatmulDescDestroy", desc_destroy_) &&
         find(file_, "cublasLtMatmulDescSetAttribute", desc_set_) &&
         find(file_, "cublasLtMatrixLayoutCreate", layout_create_) &&
         find(file_, "cublasLtMatrixLayoutDestroy", layout_destroy_) &&
         find(file_, "cublasLtMatmulPreferenceCreate", preference_create_) &&
         find(file_, "cublasLtMatmulPreferenceDestroy", preference_destroy_) &&
         find(file_, "cublasLtMatmulPreferenceSetAttribute", preference_set_);
}

std::unique_ptr<BlasLt> BlasLt::open() {
  std::unique_ptr<BlasLt> library(new (std::nothrow) BlasLt);
  if (library == nullptr || !library->load()) return nullptr;
  return library->create_(&library->handle_) == CUBLAS_STATUS_SUCCESS ? std::move(library) : nullptr;
}

// The file stays mapped: unloading it takes long, and the next open() finds it.
BlasLt::~BlasLt() {
  if (handle_ != nullptr) static_cast<void>(destroy_(handle_));
}

BlasLt::Product::~Product() {
  if (operation_ != nullptr) static_cast<void>(library_->desc_destroy_(operation_));
  for (const cublasLtMatrixLayout_t layout : {w_, x_, y_}) {
    if (layout != nullptr) static_cast<void>(library_->layout_destroy_(layout));
  }
}

cudaError_t BlasLt::Product::plan(const BlasLt& library, uint16_t dtype, int64_t m, int64_t n, int64_t k) {
  library_ = &library;
  // Column-major, as the library sees it: y^T [n, m] = w^T^T [n, k] x^T [k, m].
  const auto columns = static_cast<uint64_t>(m), rows = static_cast<uint64_t>(n), depth = static_cast<uint64_t>(k);
  const cudaDataType_t type = data_type(dtype);
  cublasStatus_t status = library.desc_create_(&operation_, CUBLAS_COMPUTE_32F, CUDA_R_32F);
  const cublasOperation_t transposed = CUBLAS_OP_T;
  if (status == CUBLAS_STATUS_SUCCESS)
    status = library.desc_set_(operation_, CUBLASLT_MATMUL_DESC_TRANSA, &transposed, sizeof(transposed));
  if (status == CUBLAS_STATUS_SUCCESS) status = library.layout_create_(&w_, type, depth, rows, k);
  if (status == CUBLAS_STATUS_SUCCESS) status = library.layout_create_(&x_, type, depth, columns, k);
  if (status == CUBLAS_STATUS_SUCCESS) status = library.layout_create_(&y_, CUDA_R_32F, rows, columns, n);
  if (status != CUBLAS_STATUS_SUCCESS) return as_cuda(status);
  return choose(type, depth, rows);
}

cudaError_t BlasLt::Product::choose(cudaDataType_t type, uint64_t depth, uint64_t rows) {
  const BlasLt& library = *library_;
  cublasLtMatrixLayout_t x = nullptr, y = nullptr;
  cublasStatus_t status = library.layout_create_(&x, type, depth, kAskedRows, static_cast<int64_t>(depth));
  if (status == CUBLAS_STATUS_SUCCESS)
    status = library.layout_create_(&y, CUDA_R_32F, rows, kAskedRows, static_cast<int64_t>(rows));

  cublasLtMatmulPreference_t preference = nullptr;
  if (status == CUBLAS_STATUS_SUCCESS) status = library.preference_create_(&preference);
  const auto set = [&](cublasLtMatmulPreferenceAttributes_t attribute, const auto& value) {
    if (status == CUBLAS_STATUS_SUCCESS) status = library.preference_set_(preference, attribute, &value, sizeof(value));
  };
  // Sums are not split over blocks: their order would depend on which comes first.
  set(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, static_cast<uint32_t>(CUBLASLT_REDUCTION_SCHEME_NONE));
  set(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, static_cast<uint64_t>(kWorkspaceBytes));
  set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, kAlign);
  set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, kAlign);
  set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, kAlign);
  set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, kAlign);
  int found = 0;
  cublasLtMatmulHeuristicResult_t best{};
  if (status == CUBLAS_STATUS_SUCCESS) {
    status = library.get_heuristic_(library.handle_, operation_, w_, x, y, y, preference, 1, &best, &found);
  }
  if (preference != nullptr) static_cast<void>(library.preference_destroy_(preference));
  for (const cublasLtMatrixLayout_t layout : {x, y}) {
    if (layout != nullptr) static_cast<void>(library.layout_destroy_(layout));
  }
  if (status == CUBLAS_STATUS_SUCCESS && found == 0) status = CUBLAS_STATUS_NOT_SUPPORTED;
  if (status == CUBLAS_STATUS_SUCCESS) status = best.state;
  if (status != CUBLAS_STATUS_SUCCESS) return as_cuda(status);
  algorithm_ = best.algo;
  cublasLtMatmulHeuristicResult_t real{};
  status = library.check_(library.handle_, operation_, w_, x_, y_, y_, &algorithm_, &real);
  if (status == CUBLAS_STATUS_SUCCESS) status = real.state;
  return real.workspaceSize <= kWorkspaceBytes ? as_cuda(status) : cudaErrorNotSupported;
}

cudaError_t BlasLt::Product::run(const void* x, const void* w, float* y, bool add, void* ws,
                                 cudaStream_t stream) const {
  const float alpha = 1.0f, beta = add ? 1.0f : 0.0f;
  return as_cuda(library_->matmul_(library_->handle_, operation_, &alpha, w, w_, x, x_, &beta, y, y_, y, y_,
                                   &algorithm_, ws, kWorkspaceBytes, stream));
}

}  // namespace bp::cuda
