// What the forward pass of training stores for the backward pass, and the scratch of both. Sized before the step and reused.
#pragma once
#include <array>
#include <vector>

#include "model/adapter.h"

namespace sdft {

/// One layer. N rows before the output projection; after it `tail` rows: N, but in the last layer only the M rows that predict a target.
struct LayerActivations {
  OwnedTensor input;                       // (N, C) the stream as it enters
  OwnedTensor raw_query, raw_key;          // (N, H · D), (N, G · D) before their norm; with query_key_norm
  OwnedTensor query, key, value;           // turned by the rope
  OwnedTensor attended, logsumexp;         // (N, H · D), (N, H)
  OwnedTensor attention_branch;            // (tail, C) output projection before its norm; with sandwich_norms
  OwnedTensor middle;                      // (tail, C) the stream between attention and MLP
  OwnedTensor gate, up;                    // (tail, F); backward turns them into their gradients
  OwnedTensor mlp_branch;                  // (tail, C) with sandwich_norms
  std::array<OwnedTensor, kTargets> low_rank;  // x aᵀ where the layer carries an adapter
};

struct Activations {
  /// For up to `rows` rows of which up to `wanted` predict a target.
  Activations(const Model& model, const AdapterShape& adapter, int64_t rows, int64_t wanted, bool dropout);
  bool fits(const AdapterShape& adapter, int64_t rows, int64_t wanted, bool dropout) const;

  int64_t rows, wanted;
  AdapterShape adapter;
  bool dropout;
  std::vector<LayerActivations> layers;
  OwnedTensor output;                          // (M, C) the stream after the last layer
  OwnedTensor normed, branch, branch_gradient; // (N, C)
  OwnedTensor product, dproduct;               // (N, F)
  OwnedTensor dquery, dkey, dvalue, dattended; // (N, H · D) or (N, G · D)
  OwnedTensor wanted_stream, wanted_attended, dwanted_attended;  // (M, C), (M, H · D), (M, H · D)
  OwnedTensor dstream, dwanted, dnormed;       // (N, C), (M, C), (N, C)
  OwnedTensor dlow_rank;                       // (N, R)
  OwnedTensor dropped, ddropped;               // (N, widest input), with dropout
  OwnedTensor loss;                            // (M, 1)
  OwnedIndices tokens, wanted_rows, targets;
  /// Row keys of dropout: example hash (low, high) and position, for all rows and for the wanted ones.
  OwnedIndices example_low, example_high, wanted_low, wanted_high, wanted_positions;
};

}  // namespace sdft
