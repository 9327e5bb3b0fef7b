// Row by row, what an encoder has and a decoder has not: layer norm, and the GELU of the normal distribution function.
#include "kernels/cpu/isa/exponential.h"
#include "kernels/cpu/isa/parallel.h"
#include "kernels/cpu/isa/table.h"

namespace sdft::SDFT_ISA {

using cpu::Context;

namespace {

/// The last lanes of x − mean are no columns: 0.
inline Vec centred(const float* x, Vec mean, int lanes) {
  Vec difference = load_part(x, lanes) - mean;
  for (int lane = lanes; lane < kLanes; ++lane) difference[lane] = 0;
  return difference;
}

/// Φ(−t) for t ≥ 0, within 3e-7 of itself: e^(−t²/2) · s · P(s), s = 1 / (1 + 0.34 t). P fits Φ(−t) e^(t²/2) on [0, 13.5], by reweighted least squares for
/// the relative error; beyond, the exponential is 0.
inline Vec normal_tail(Vec t) {
  const Vec s = broadcast(1.0f) / fma(t, broadcast(0.34f), broadcast(1.0f));
  Vec p = broadcast(-2.637097888e-2f);
  p = fma(p, s, broadcast(1.406753235e-1f));
  p = fma(p, s, broadcast(-2.754683507e-1f));
  p = fma(p, s, broadcast(2.047388697e-1f));
  p = fma(p, s, broadcast(-4.639886599e-2f));
  p = fma(p, s, broadcast(1.160363770e-1f));
  p = fma(p, s, broadcast(1.150347806e-1f));
  p = fma(p, s, broadcast(1.361335149e-1f));
  p = fma(p, s, broadcast(1.356193431e-1f));
  return p * s * exp(t * t * broadcast(-0.5f));
}

}  // namespace

void layer_norm(const Context& context, Tensor out, Tensor x, Tensor weight, Tensor bias, double epsilon) {
  const float *w = row_of(weight, 0), *b = row_of(bias, 0);
  over_rows(context, x.rows, 2 * x.cols, [&](int64_t row) {
    const float* from = row_of(x, row);
    float* to = row_of(out, row);
    Vec total{}, squares{};
    over_vectors(x.cols, [&](int64_t i, int lanes) { total += load_part(from + i, lanes); });
    const Vec mean = broadcast(sum(total) / static_cast<float>(x.cols));
    over_vectors(x.cols, [&](int64_t i, int lanes) {
      const Vec difference = centred(from + i, mean, lanes);
      squares = fma(difference, difference, squares);
    });
    const double variance = static_cast<double>(sum(squares)) / static_cast<double>(x.cols);
    const Vec inverse = broadcast(static_cast<float>(1.0 / __builtin_sqrt(variance + epsilon)));
    over_vectors(x.cols, [&](int64_t i, int lanes) {
      store_part(to + i, fma((load_part(from + i, lanes) - mean) * inverse, load_part(w + i, lanes), load_part(b + i, lanes)), lanes);
    });
  });
}

/// x · Φ(x) = max(x, 0) − |x| · Φ(−|x|).
void gelu(const Context& context, Tensor out, Tensor x) {
  over_rows(context, x.rows, 4 * x.cols, [&](int64_t row) {
    const float* from = row_of(x, row);
    float* to = row_of(out, row);
    over_vectors(x.cols, [&](int64_t i, int lanes) {
      const Vec value = load_part(from + i, lanes), size = max(value, Vec{} - value);
      store_part(to + i, max(value, Vec{}) - size * normal_tail(size), lanes);
    });
  });
}

}  // namespace sdft::SDFT_ISA
