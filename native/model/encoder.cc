// The encoder. Letters as in kernels/backend.h.
#include "model/encoder.h"

#include <algorithm>

#include "base/error.h"

namespace sdft {

Encoder::Encoder(const EncoderModel& model, int64_t max_rows) : model_(model), max_rows_(max_rows), indices_(model.backend(), max_rows) {
  Backend& backend = model.backend();
  for (OwnedTensor* tensor : {&stream_, &branch_, &query_, &key_, &value_, &attended_}) *tensor = OwnedTensor(backend, max_rows, model.spec().width);
  inner_ = OwnedTensor(backend, max_rows, model.spec().inner_width);
}

void Encoder::embed(const std::vector<int32_t>& tokens, const std::vector<Segment>& segments) {
  Backend& backend = model_.backend();
  const auto rows = static_cast<int64_t>(tokens.size());
  std::vector<int32_t> positions(tokens.size());
  for (const Segment& segment : segments)
    for (int64_t i = 0; i < segment.length; ++i) positions[static_cast<size_t>(segment.start + i)] = static_cast<int32_t>(i);
  const Tensor stream = stream_.top(rows), part = branch_.top(rows);
  const Indices indices = indices_.top(rows);
  backend.upload(indices, tokens.data());
  backend.embed(stream, model_.words(), indices, 1);
  const auto add_rows = [&](const Weight& table, const std::vector<int32_t>& rows_of_table) {
    backend.upload(indices, rows_of_table.data());
    backend.embed(part, table, indices, 1);
    backend.add(stream, stream, part);
  };
  add_rows(model_.segment_types(), std::vector<int32_t>(tokens.size(), 0));  // a text alone is of the first type
  add_rows(model_.positions(), positions);
  const LayerNormWeights& norm = model_.embedding_norm();
  backend.layer_norm(stream, stream, norm.weight.view(), norm.bias.view(), model_.spec().norm_epsilon);
}

void Encoder::run_layer(int64_t index, int64_t rows, Segments segments) {
  const EncoderLayerWeights& weights = model_.layer(index);
  const double epsilon = model_.spec().norm_epsilon;
  Backend& backend = model_.backend();
  const Tensor stream = stream_.top(rows), branch = branch_.top(rows), query = query_.top(rows), key = key_.top(rows), value = value_.top(rows);
  const Tensor attended = attended_.top(rows), inner = inner_.top(rows);
  const auto part = [](Tensor out, const LinearWeight& linear) { return LinearPart{out, &linear.weight, linear.bias.view()}; };
  const auto add_and_norm = [&](const LayerNormWeights& norm) {
    backend.add(stream, stream, branch);
    backend.layer_norm(stream, stream, norm.weight.view(), norm.bias.view(), epsilon);
  };

  backend.linear_group({part(query, weights.query), part(key, weights.key), part(value, weights.value)}, stream, Compute::f32);
  backend.bidirectional_attention(attended, query, key, value, segments, model_.spec().attention_shape());
  backend.linear(branch, attended, weights.attention_output.weight, weights.attention_output.bias.view());
  add_and_norm(weights.attention_norm);
  backend.linear(inner, stream, weights.inner.weight, weights.inner.bias.view());
  backend.gelu(inner, inner);
  backend.linear(branch, inner, weights.output.weight, weights.output.bias.view());
  add_and_norm(weights.output_norm);
}

Tensor Encoder::hidden(const std::vector<int32_t>& tokens, const std::vector<Segment>& segments) {
  const EncoderSpec& spec = model_.spec();
  const auto rows = static_cast<int64_t>(tokens.size());
  require(rows <= max_rows_, "state", "Expected at most " + std::to_string(max_rows_) + " rows in a step but received " + std::to_string(rows) + ".");
  for (int32_t token : tokens) {
    require(token >= 0 && token < spec.vocab_size, "tokens",
            "Expected token ids from 0 to " + std::to_string(spec.vocab_size - 1) + " but received " + std::to_string(token) + ".");
  }
  for (const Segment& segment : segments) {
    require(segment.length <= spec.max_positions, "context",
            "Expected texts of at most " + std::to_string(spec.max_positions) + " tokens (the encoder's positions) but received one of " +
                std::to_string(segment.length) + ".");
  }
  embed(tokens, segments);
  for (int64_t index = 0; index < spec.layers; ++index) run_layer(index, rows, {segments.data(), static_cast<int64_t>(segments.size())});
  return stream_.top(rows);
}

}  // namespace sdft
