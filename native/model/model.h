// A loaded base model: its spec and its frozen weights in the backend's own form. Shared by everything that runs on it, one call at a time; its weights are never written to.
#pragma once
#include <array>
#include <memory>
#include <vector>

#include "model/spec.h"
#include "model/weight_loader.h"

namespace sdft {

struct LayerWeights {
  OwnedTensor attention_norm, mlp_norm;                      // (1, C)
  OwnedTensor query_norm, key_norm;                          // (1, D), with query_key_norm
  OwnedTensor post_attention_norm, post_mlp_norm;            // (1, C), with sandwich_norms
  std::array<LinearWeight, kTargets> linear;

  const LinearWeight& operator[](Target target) const { return linear[static_cast<int>(target)]; }
};

class Model {
 public:
  /// Prepares every weight. Throws Error("weights") for a tensor that is missing or of another shape than the spec says.
  Model(ModelSpec spec, WeightTable table, std::unique_ptr<Backend> backend, WeightFormat format);

  const ModelSpec& spec() const { return spec_; }
  Backend& backend() const { return *backend_; }
  const LayerWeights& layer(int64_t index) const { return layers_[index]; }
  /// out (N, C) = the tokens' rows of the embedding, as the layers take them.
  void embed(Tensor out, Indices tokens) const;
  const Weight& head() const { return spec_.tied_head ? embedding_ : head_; }
  Tensor final_norm() const { return final_norm_.view(); }
  /// Throws Error("compute") unless every product's weight has a form for this.
  void require_products(Compute compute) const;
  int64_t weight_bytes() const;
  int64_t mapped_bytes() const { return table_.mapped_bytes(); }

 private:
  ModelSpec spec_;
  WeightTable table_;  // outlives the weights that may point into it
  std::unique_ptr<Backend> backend_;
  const StoredTensor* stored_embedding_ = nullptr;  // of the table
  mutable int64_t rows_read_ = 0;                   // of it, since its pages were let go of
  Weight embedding_, head_;
  OwnedTensor final_norm_;
  std::vector<LayerWeights> layers_;
};

}  // namespace sdft
