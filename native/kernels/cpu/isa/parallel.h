// Sharing rows out to the threads.
#pragma once
#include "kernels/cpu/isa/vector.h"
#include "kernels/cpu/kernels.h"

namespace sdft::SDFT_ISA {
namespace {

inline float* row_of(const Tensor& t, int64_t row) { return static_cast<float*>(t.data) + row * t.stride; }

/// Calls body(row) for each row, in pieces of some 16,000 elements: below that waking another thread gains nothing.
template <class Body>
void over_rows(const cpu::Context& context, int64_t rows, int64_t columns, const Body& body) {
  const int64_t piece = larger(1, 16384 / larger(1, columns));
  context.pool->run(parts(rows, piece), [&](int64_t task, int) {
    for (int64_t row = task * piece; row < smaller(rows, (task + 1) * piece); ++row) body(row);
  });
}

/// Calls body(offset, lanes) along a row: whole vectors, then the rest.
template <class Body>
inline void over_vectors(int64_t columns, const Body& body) {
  int64_t i = 0;
  for (; i + kLanes <= columns; i += kLanes) body(i, kLanes);
  if (i < columns) body(i, static_cast<int>(columns - i));
}

}  // namespace
}  // namespace sdft::SDFT_ISA
