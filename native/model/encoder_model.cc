// Loading: tensors by the names that BERT's checkpoints have.
#include "model/encoder_model.h"

#include "base/error.h"

namespace sdft {

EncoderModel::EncoderModel(EncoderSpec spec, WeightTable table, std::unique_ptr<Backend> backend, WeightFormat format)
    : spec_(std::move(spec)), table_(std::move(table)), backend_(std::move(backend)) {
  require(spec_.heads > 0 && spec_.width % spec_.heads == 0, "spec",
          "Expected the width to be a multiple of the heads but received " + std::to_string(spec_.width) + " and " + std::to_string(spec_.heads) + ".");
  const int64_t width = spec_.width;
  const WeightLoader load(table_, *backend_, format, spec_.head_size());
  const auto norm = [&](const std::string& name) {
    return LayerNormWeights{load.vector(name + ".LayerNorm.weight", width), load.vector(name + ".LayerNorm.bias", width)};
  };
  words_ = load.matrix("embeddings.word_embeddings.weight", spec_.vocab_size, width, WeightUse::rows);
  positions_ = load.matrix("embeddings.position_embeddings.weight", spec_.max_positions, width, WeightUse::rows);
  segment_types_ = load.matrix("embeddings.token_type_embeddings.weight", spec_.segment_types, width, WeightUse::rows);
  embedding_norm_ = norm("embeddings");
  for (int64_t index = 0; index < spec_.layers; ++index) {
    const std::string prefix = "encoder.layer." + std::to_string(index) + ".";
    EncoderLayerWeights layer;
    layer.query = load.linear(prefix + "attention.self.query", width, width);
    layer.key = load.linear(prefix + "attention.self.key", width, width);
    layer.value = load.linear(prefix + "attention.self.value", width, width);
    layer.attention_output = load.linear(prefix + "attention.output.dense", width, width);
    layer.attention_norm = norm(prefix + "attention.output");
    layer.inner = load.linear(prefix + "intermediate.dense", spec_.inner_width, width);
    layer.output = load.linear(prefix + "output.dense", width, spec_.inner_width);
    layer.output_norm = norm(prefix + "output");
    layers_.push_back(std::move(layer));
  }
}

int64_t EncoderModel::weight_bytes() const {
  int64_t bytes = words_.bytes + positions_.bytes + segment_types_.bytes;
  for (const EncoderLayerWeights& layer : layers_) {
    for (const LinearWeight* linear : {&layer.query, &layer.key, &layer.value, &layer.attention_output, &layer.inner, &layer.output}) bytes += linear->weight.bytes;
  }
  return bytes;
}

}  // namespace sdft
