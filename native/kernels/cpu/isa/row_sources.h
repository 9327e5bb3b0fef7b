// Where products that split their rows find them. A source is called as source(row, column, count, room) and says where so many inputs of a row stand; it may make them in room, of kMadeInputs
// floats.
#pragma once
#include "kernels/cpu/isa/activation.h"

namespace sdft::SDFT_ISA {
namespace {

/// Inputs that are asked for at once.
constexpr int64_t kMadeInputs = 128;

/// Rows that stand in memory.
inline auto rows_in_memory(const Tensor& x) {
  return [x](int64_t row, int64_t column, int64_t, float*) -> const float* { return row_of(x, row) + column; };
}

/// Rows of activation(gate) · up, which stand nowhere.
inline auto activated_rows(const Tensor& gate, const Tensor& up, Activation activation) {
  return [gate, up, activation](int64_t row, int64_t column, int64_t count, float* room) -> const float* {
    activate(row_of(gate, row) + column, row_of(up, row) + column, count, activation, room);
    return room;
  };
}

}  // namespace
}  // namespace sdft::SDFT_ISA
