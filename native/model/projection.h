// One linear layer with its adapter: the frozen product, then the low-rank one on top.
#pragma once
#include <initializer_list>
#include <vector>

#include "model/adapter.h"

namespace sdft {

/// x (M, heads · D) seen as (M · heads, D). x must be contiguous.
inline Tensor by_heads(Tensor x, int64_t head_size) { return {x.data, x.rows * (x.cols / head_size), head_size, head_size}; }

/// out (M, O) = x · weightᵀ (+ bias).
inline void multiply(Backend& backend, Tensor out, Tensor x, const Weight& weight, Tensor bias, Compute compute) {
  if (compute == Compute::integer) backend.linear_integer(out, x, weight, bias);
  else backend.linear(out, x, weight, bias);
}

/// Where one of several linear layers with the same input goes. low_rank, of its own, as in project.
struct Projection {
  Target target;
  Tensor out, low_rank;
};

/// out (M, O) = x · weightᵀ + bias.
inline void project_base(const Model& model, std::initializer_list<Projection> projections, Tensor x, int64_t layer, Compute compute = Compute::f32) {
  std::vector<LinearPart> parts;
  for (const Projection& projection : projections) {
    const LinearWeight& linear = model.layer(layer)[projection.target];
    parts.push_back({projection.out, &linear.weight, linear.bias.view()});
  }
  model.backend().linear_group(parts, x, compute);
}

/// The same, and the adapter's scale · (x aᵀ) bᵀ. low_rank (M, R) receives x aᵀ; unused without an adapter there.
inline void project(const Model& model, std::initializer_list<Projection> projections, Tensor x, int64_t layer, const Adapter* adapter,
                    Compute compute = Compute::f32) {
  project_base(model, projections, x, layer, compute);
  if (adapter == nullptr) return;
  std::vector<LoraPart> parts;
  for (const Projection& projection : projections) {
    if (const LoraPair pair = adapter->tensors().pair(layer, projection.target)) parts.push_back({projection.out, projection.low_rank, pair.a, pair.b});
  }
  model.backend().lora_forward_group(parts, x, adapter->shape().scale);
}

}  // namespace sdft
