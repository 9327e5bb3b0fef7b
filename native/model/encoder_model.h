// A loaded sentence encoder of the BERT family: its spec and its frozen weights in the backend's own form. Never written to.
#pragma once
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "model/weight_loader.h"

namespace sdft {

/// An encoder as data; the C++ twin of EncoderSpec in src/native/types.ts, which says what each field means.
struct EncoderSpec {
  std::string architecture;
  int64_t vocab_size, width, heads, inner_width, layers, max_positions, segment_types;
  double norm_epsilon;

  int64_t head_size() const { return width / heads; }
  AttentionShape attention_shape() const { return {heads, heads, head_size(), 1 / std::sqrt(static_cast<double>(head_size())), 0}; }
};

struct LayerNormWeights {
  OwnedTensor weight, bias;  // (1, C)
};

struct EncoderLayerWeights {
  LinearWeight query, key, value, attention_output, inner, output;
  LayerNormWeights attention_norm, output_norm;
};

class EncoderModel {
 public:
  /// Prepares every weight. Throws Error("weights") for a tensor that is missing or of another shape than the spec says, Error("spec") for heads that don't
  /// divide the width.
  EncoderModel(EncoderSpec spec, WeightTable table, std::unique_ptr<Backend> backend, WeightFormat format);

  const EncoderSpec& spec() const { return spec_; }
  Backend& backend() const { return *backend_; }
  const EncoderLayerWeights& layer(int64_t index) const { return layers_[static_cast<size_t>(index)]; }
  /// (V, C), (positions, C), (types, C)
  const Weight& words() const { return words_; }
  const Weight& positions() const { return positions_; }
  const Weight& segment_types() const { return segment_types_; }
  const LayerNormWeights& embedding_norm() const { return embedding_norm_; }
  int64_t weight_bytes() const;
  int64_t mapped_bytes() const { return table_.mapped_bytes(); }

 private:
  EncoderSpec spec_;
  WeightTable table_;  // outlives the weights that may point into it
  std::unique_ptr<Backend> backend_;
  Weight words_, positions_, segment_types_;
  LayerNormWeights embedding_norm_;
  std::vector<EncoderLayerWeights> layers_;
};

}  // namespace sdft
