#include "one_dnn.h"

#include <omp.h>

#include <oneapi/dnnl/dnnl.hpp>

namespace bp::cpu {
namespace {

dnnl::engine& engine() {
  static dnnl::engine cpu(dnnl::engine::kind::cpu, 0);
  return cpu;
}

dnnl::memory::data_type type_of_x(DnnType type) {
  using Type = dnnl::memory::data_type;
  return type == DnnType::kF32 ? Type::f32 : type == DnnType::kBf16 ? Type::bf16 : Type::u8;
}

}  // namespace

struct DnnProduct::Impl {
  dnnl::memory::desc x, rows, w, y;
  dnnl::matmul::primitive_desc description;
  dnnl::matmul product;
  dnnl::stream stream{engine()};
};

void one_dnn_set_up(IsaLevel isa, int n_threads) {
  // Only the first call counts: the library fixes the set with its first primitive.
  const dnnl::cpu_isa most = isa >= IsaLevel::kAmx          ? dnnl::cpu_isa::all
                             : isa >= IsaLevel::kAvx512Bf16 ? dnnl::cpu_isa::avx512_core_bf16
                             : isa >= IsaLevel::kAvx512Vnni ? dnnl::cpu_isa::avx512_core_vnni
                             : isa >= IsaLevel::kAvx512     ? dnnl::cpu_isa::avx512_core
                                                            : dnnl::cpu_isa::avx2;
  (void)dnnl::set_max_cpu_isa(most);
  omp_set_num_threads(n_threads);
}

DnnProduct::DnnProduct(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
DnnProduct::~DnnProduct() = default;

std::unique_ptr<DnnProduct> DnnProduct::create(const Shape& shape) {
  using Type = dnnl::memory::data_type;
  using Tag = dnnl::memory::format_tag;
  try {
    auto impl = std::make_unique<Impl>();
    const Type x = type_of_x(shape.type);
    const Type w = shape.type == DnnType::kU8S8 ? Type::s8 : x;
    impl->x = {{shape.m, shape.k}, x, Tag::ab};
    impl->rows = {{shape.k, shape.n}, w, Tag::ba};
    impl->y = {{shape.m, shape.n}, shape.type == DnnType::kU8S8 ? Type::s32 : Type::f32, Tag::ab};
    const dnnl::memory::desc weights = shape.packed ? dnnl::memory::desc({shape.k, shape.n}, w, Tag::any) : impl->rows;
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    impl->description = {dnnl::matmul::desc(impl->x, weights, impl->y), attributes, engine()};
    impl->w = impl->description.weights_desc();
    impl->product = dnnl::matmul(impl->description);
    return std::unique_ptr<DnnProduct>(new DnnProduct(std::move(impl)));
  } catch (const std::exception&) {
    return nullptr;
  }
}

uint64_t DnnProduct::scratch_bytes() const { return impl_->description.scratchpad_desc().get_size(); }
uint64_t DnnProduct::packed_bytes() const { return impl_->w.get_size(); }

void DnnProduct::pack(const void* w, void* out) const {
  dnnl::memory from(impl_->rows, engine(), const_cast<void*>(w));
  dnnl::memory to(impl_->w, engine(), out);
  dnnl::reorder(from, to).execute(impl_->stream, from, to);
  impl_->stream.wait();
}

void DnnProduct::run(const void* x, const void* w, void* y, std::byte* scratch) const {
  impl_->product.execute(impl_->stream,
                         {{DNNL_ARG_SRC, {impl_->x, engine(), const_cast<void*>(x)}},
                          {DNNL_ARG_WEIGHTS, {impl_->w, engine(), const_cast<void*>(w)}},
                          {DNNL_ARG_DST, {impl_->y, engine(), y}},
                          {DNNL_ARG_SCRATCHPAD, {impl_->description.scratchpad_desc(), engine(), scratch}}});
  impl_->stream.wait();
}

}  // namespace bp::cpu
