// What a backend is told that draws tokens itself; sampling/sampler.h says by which rules.
#pragma once
#include <cstdint>
#include <vector>

#include "base/philox.h"

namespace sdft {

struct SamplingOptions {
  double temperature = 0;         // 0: the likeliest token
  int64_t top_k = 0;              // 0: all
  double top_p = 1;               // 1: all
  double min_p = 0;               // 0: all
  double repetition_penalty = 1;  // 1: none
};

struct TokenDraw {
  PhiloxKey key;
  uint32_t sample;
  int64_t position;                 // index of the new token in the answer
  std::vector<int32_t> seen{};      // what the penalty touches, each token once; read only where there is a penalty
  std::vector<int32_t> forbidden{};
};

/// In place of a token: what is wrong with its logits.
enum DrawFault : int32_t { kNotANumber = -1, kNoneAllowed = -2, kInfinite = -3 };

}  // namespace sdft
