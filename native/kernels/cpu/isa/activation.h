// The gated activation of an MLP along a row, and its gradients.
#pragma once
#include "kernels/cpu/isa/exponential.h"
#include "kernels/cpu/isa/parallel.h"

namespace sdft::SDFT_ISA {
namespace {

/// gelu_tanh(x) = x/2 · (1 + tanh(u)) = x · sigmoid(2u), u = sqrt(2/π) · (x + 0.044715 x³); this is 2u.
inline Vec gelu_argument(Vec x) {
  return broadcast(1.5957691216f) * x * fma(x * x, broadcast(0.044715f), broadcast(1.0f));
}

struct ValueAndSlope {
  Vec value, slope;
};

inline ValueAndSlope silu(Vec x) {
  const Vec s = sigmoid(x);
  return {x * s, s * fma(x, broadcast(1.0f) - s, broadcast(1.0f))};
}

inline ValueAndSlope gelu(Vec x) {
  const Vec s = sigmoid(gelu_argument(x));
  const Vec inner = broadcast(1.5957691216f) * fma(x * x, broadcast(3.0f * 0.044715f), broadcast(1.0f));
  return {x * s, s * fma(x * (broadcast(1.0f) - s), inner, broadcast(1.0f))};
}

/// out = activation(gate) · up. out may be gate or up.
inline void activate(const float* gate, const float* up, int64_t columns, Activation activation, float* out) {
  over_vectors(columns, [&](int64_t i, int lanes) {
    const Vec x = load_part(gate + i, lanes);
    const Vec value = activation == Activation::silu ? x * sigmoid(x) : x * sigmoid(gelu_argument(x));
    store_part(out + i, value * load_part(up + i, lanes), lanes);
  });
}

/// dgate = dout · up · activation'(gate), dup = dout · activation(gate). dgate may be gate, dup may be up.
inline void activate_backward(const float* dout, const float* gate, const float* up, int64_t columns, Activation activation, float* dgate, float* dup) {
  over_vectors(columns, [&](int64_t i, int lanes) {
    const Vec x = load_part(gate + i, lanes), by = load_part(up + i, lanes), upstream = load_part(dout + i, lanes);
    const ValueAndSlope f = activation == Activation::silu ? silu(x) : gelu(x);
    store_part(dgate + i, upstream * by * f.slope, lanes);
    store_part(dup + i, upstream * f.value, lanes);
  });
}

}  // namespace
}  // namespace sdft::SDFT_ISA
