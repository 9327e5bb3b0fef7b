// Matrix rows as small integers: value = scale · quant + minimum, with a scale (and a minimum) for each group of neighbouring elements. What GGUF blocks hold
// is read as it stands; plain numbers are quantised by the one quantiser here.
#pragma once
#include <cstdint>

#include "base/dtype.h"

namespace sdft {

/// q4: quants 0 … 15, scale and minimum for 32. q8: quants −128 … 127, scale for 32. q8_minimum: quants 0 … 31, scale and minimum for 32.
/// q8_halves: quants −32 … 31, scale for 16.
enum class QuantForm { none, q4, q8, q8_minimum, q8_halves };

/// Elements that share a scale, and, but for q8_halves, an activation's scale too.
constexpr int64_t kGroup = 32;

struct QuantSpan {
  int8_t* quants;  // one an element
  float* scales;   // one a group
  float* minima;   // one a group; zeros where the form has none
};

/// The form that holds every value of a stored type. none: plain floats.
QuantForm quant_form(DType type);
inline int64_t group_of(QuantForm form) { return form == QuantForm::q8_halves ? kGroup / 2 : kGroup; }

/// The stored numbers from `data` on, in quant_form(type); count: a multiple of block_elements. Exact: scale · quant has at most 24 significant bits.
void read_quants(DType type, const void* data, int64_t count, QuantSpan out);

/// Quantises count (a multiple of 32) floats. q8: scale = largest |x| / 127. q4: minimum = the least x, scale = (largest − least) / 15. The scale is rounded
/// to 11 significant bits, as in GGUF's Q8_0 and Q4_1, so that scale · quant is exact in float; quants are the nearest ones, ties to even. Throws
/// Error("weights") for a number that is not finite.
void quantize(QuantForm form, const float* x, int64_t count, QuantSpan out);

}  // namespace sdft
