// Runs one op on the reference, its result shapes inferred as a graph would have them. For tests.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "graph/graph.h"
#include "reference/reference.h"

namespace bp::test {

struct Tensor {
  DType dtype = DType::kInvalid;  // kInvalid: an absent operand
  std::vector<int64_t> dims;
  std::vector<std::byte> bytes;

  RefTensor view() { return {dtype, dims, bytes.data()}; }
};

inline Tensor absent() { return {}; }
Tensor zeros(DType dtype, std::vector<int64_t> dims);
// Values converted to the dtype as the reference converts them.
Tensor floats(DType dtype, std::vector<int64_t> dims, std::vector<float> values);
Tensor f32(std::vector<int64_t> dims, std::vector<float> values);
Tensor integers(DType dtype, std::vector<int64_t> dims, std::vector<int64_t> values);
Tensor i32(std::vector<int64_t> dims, std::vector<int64_t> values);
// Values in [-1, 1) that depend on the seed alone.
Tensor noise(std::vector<int64_t> dims, uint32_t seed);

std::vector<float> values_of(Tensor tensor);
std::vector<int64_t> integers_of(Tensor tensor);

// The op's results; those that update an operand share its bytes. Errors of inference and of the op itself.
Result<std::vector<Tensor>> try_op(std::string_view op, std::vector<Tensor> in, std::vector<Attr> attrs = {});
// As try_op, an error being a failure of the test.
std::vector<Tensor> run_op(std::string_view op, std::vector<Tensor> in, std::vector<Attr> attrs = {});
// Of an op with one result.
std::vector<float> run_floats(std::string_view op, std::vector<Tensor> in, std::vector<Attr> attrs = {});
std::vector<int64_t> run_integers(std::string_view op, std::vector<Tensor> in, std::vector<Attr> attrs = {});
std::string error_of(std::string_view op, std::vector<Tensor> in, std::vector<Attr> attrs = {});

}  // namespace bp::test
