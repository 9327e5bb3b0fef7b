// What a decoding step costs by its rows: what decides when drafts pay.
#pragma once
#include <algorithm>
#include <cstdint>

#include "kernels/backend.h"

namespace sdft::cpu {

/// Time of a step, in that of a row among many: few rows wait for the weights (waiting + each · rows), more take their own time (once + rows).
struct StepTime {
  double waiting, each, once;
};
/// SmolLM2-135M in its 4-bit blocks on two cores, 1 to 12 sequences: floats 4.4, 5.2, 7.1, 8.3 (4), 14.9 (8) and 20.9 ms, in digits 3.6, 4.7, 6.3, 8.1, 15.3 and 21.8,
/// so hardly less for the first rows than for others; integers 2.7, 3.2, 3.3, 3.6 (4), 6.3 (8) and 8.8 ms.
constexpr StepTime kFloatStep{0, 0, 1.2}, kIntegerStep{3.3, 0.55, 1.5};

inline double step_cost(int64_t rows, Compute compute) {
  const StepTime& time = compute == Compute::integer ? kIntegerStep : kFloatStep;
  const auto count = static_cast<double>(rows);
  return std::max(time.waiting + time.each * count, time.once + count);
}

}  // namespace sdft::cpu
