// One linear layer with its adapter: the frozen product, then the low-rank one on top.
#pragma once
#include "model/adapter.h"

namespace sdft {

/// x (M, heads · D) seen as (M · heads, D). x must be contiguous.
inline Tensor by_heads(Tensor x, int64_t head_size) { return {x.data, x.rows * (x.cols / head_size), head_size, head_size}; }

/// out (M, O) = x · weightᵀ (+ bias).
inline void multiply(Backend& backend, Tensor out, Tensor x, const Weight& weight, Tensor bias, Compute compute) {
  if (compute == Compute::integer) backend.linear_integer(out, x, weight, bias);
  else backend.linear(out, x, weight, bias);
}

/// out (M, O) = x · weightᵀ + bias, and the adapter's scale · (x aᵀ) bᵀ. low_rank (M, R) receives x aᵀ; unused without an adapter there.
inline void project(const Model& model, Tensor out, Tensor low_rank, Tensor x, int64_t layer, Target target, const Adapter* adapter,
                    Compute compute = Compute::f32) {
  const LinearWeight& linear = model.layer(layer)[target];
  multiply(model.backend(), out, x, linear.weight, linear.bias.view(), compute);
  if (adapter == nullptr) return;
  if (const LoraPair pair = adapter->tensors().pair(layer, target)) {
    model.backend().lora_forward(out, low_rank, x, pair.a, pair.b, adapter->shape().scale);
  }
}

}  // namespace sdft
