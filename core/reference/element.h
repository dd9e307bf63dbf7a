// Elements of tensors as float32 or int64, whatever their dtype.
// Thread-safety: pure functions. Offsets count elements; a range of a block format begins and ends with a block.
#pragma once

#include "reference/reference.h"

namespace bp {

// Block formats: those that quant decodes. Written are plain and 4-bit types only.
bool is_readable(DType dtype);
bool is_writable(DType dtype);

void read_floats(const RefTensor& from, int64_t first, int64_t n, float* dst);
// Rounded to nearest even, and clamped to the range of integers and of 8- and 4-bit floats. NaN as an integer is 0.
void write_floats(const RefTensor& to, int64_t first, int64_t n, const float* src);

// Of integers and bools. REQUIRES: no float.
int64_t read_int(const RefTensor& from, int64_t at);
void write_int(const RefTensor& to, int64_t at, int64_t value);

// The largest magnitude of a symmetric quantised type: 7, 127, 448, 57344, 6.
float largest_magnitude(DType dtype);

}  // namespace bp
