// What the forward pass of training stores for the backward pass, and the scratch of both. Laid out in one piece of memory, which every batch uses.
#pragma once
#include <algorithm>
#include <array>
#include <vector>

#include "kernels/region.h"
#include "model/adapter.h"

namespace sdft {

/// One layer. N rows before the output projection; after it `tail` rows: N, but in the last layer only the M rows that predict a target.
struct LayerActivations {
  Buffer raw_query, raw_key;          // (N, H · D), (N, G · D) before their norm; with query_key_norm
  Buffer query, key, value;           // turned by the rope
  Buffer attended, logsumexp;         // (N, H · D), (N, H)
  Buffer attention_branch;            // (tail, C) output projection before its norm; with sandwich_norms
  Buffer middle;                      // (tail, C) the stream between attention and MLP
  Buffer gate, up;                    // (tail, F); backward turns them into their gradients
  Buffer mlp_branch;                  // (tail, C) with sandwich_norms
  std::array<Buffer, kTargets> low_rank;  // x aᵀ where the layer carries an adapter
};

struct Activations {
  /// For up to `rows` rows of which up to `wanted` predict a target.
  /// `sets` LayerActivations, from 1 to one a layer: the last layers have one each, the first ones share the first and must be run again for backward.
  /// Takes its buffers from the region, which has to outlive it.
  Activations(const Model& model, const AdapterShape& adapter, int64_t rows, int64_t wanted, bool dropout, int64_t sets, Region& region);
  bool fits(const AdapterShape& adapter, int64_t rows, int64_t wanted, bool dropout, int64_t sets) const;
  /// Most sets with which `rows` rows take no more memory than `stored_rows` rows with one for each layer; at least 1.
  static int64_t sets_for(const ModelSpec& spec, const AdapterShape& adapter, int64_t rows, int64_t stored_rows);

  int64_t rows, wanted;
  AdapterShape adapter;
  bool dropout;
  std::vector<Buffer> inputs;             // by layer (N, C): the stream as it enters
  std::vector<LayerActivations> sets;
  LayerActivations& of(int64_t layer) { return sets[std::max<int64_t>(0, layer - shared())]; }
  /// Whether another layer has taken the layer's set by the end of the forward pass.
  bool overwritten(int64_t layer) const { return layer < shared(); }
  int64_t shared() const { return static_cast<int64_t>(inputs.size() - sets.size()); }
  Buffer output;                          // (M, C) the stream after the last layer
  Buffer normed, branch, branch_gradient; // (N, C)
  Buffer product, dproduct;               // (N, F)
  Buffer dquery, dkey, dvalue, dattended; // (N, H · D) or (N, G · D)
  Buffer wanted_stream, wanted_attended, dwanted_attended;  // (M, C), (M, H · D), (M, H · D)
  Buffer dstream, dwanted, dnormed;       // (N, C), (M, C), (N, C)
  Buffer dlow_rank;                       // (N, R)
  Buffer dropped, ddropped;               // (N, widest input), with dropout
  Buffer loss;                            // (M, 1)
  IndexBuffer tokens, wanted_rows, targets;
  /// Row keys of dropout: example hash (low, high) and position, for all rows and for the wanted ones.
  IndexBuffer example_low, example_high, wanted_low, wanted_high, wanted_positions;
};

/// Of a prefix that the batches of an update have in common: the gradients of its keys (turned by the rope) and values, summed over the batches so far.
struct PrefixGradients {
  PrefixGradients(const Model& model, int64_t rows);

  int64_t rows;                        // room for so many
  std::vector<OwnedTensor> key, value; // by layer (P, G · D)
};

}  // namespace sdft
