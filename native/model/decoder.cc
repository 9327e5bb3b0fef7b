// The decoder, forward only. Letters as in kernels/backend.h; M wanted rows.
#include "model/decoder.h"

#include <algorithm>

#include "base/error.h"
#include "model/projection.h"

namespace sdft {

Decoder::Decoder(const Model& model, int64_t max_rows)
    : model_(model), max_rows_(max_rows), ropes_(model, max_rows), tokens_(model.backend(), max_rows), wanted_rows_(model.backend(), max_rows) {
  const ModelSpec& spec = model.spec();
  Backend& backend = model.backend();
  const int64_t queries = spec.query_heads * spec.head_size, keys = spec.kv_heads * spec.head_size;
  stream_ = OwnedTensor(backend, max_rows, spec.width);
  normed_ = OwnedTensor(backend, max_rows, spec.width);
  query_ = OwnedTensor(backend, max_rows, queries);
  key_ = OwnedTensor(backend, max_rows, keys);
  value_ = OwnedTensor(backend, max_rows, keys);
  attended_ = OwnedTensor(backend, max_rows, queries);
  gate_ = OwnedTensor(backend, max_rows, spec.inner_width);
  up_ = OwnedTensor(backend, max_rows, spec.inner_width);
  branch_ = OwnedTensor(backend, max_rows, spec.width);
  logsumexp_ = OwnedTensor(backend, max_rows, spec.query_heads);
  wanted_stream_ = OwnedTensor(backend, max_rows, spec.width);
  wanted_attended_ = OwnedTensor(backend, max_rows, queries);
}

Decoder::LowRank Decoder::low_rank(const Step& step, int64_t rows) {
  LowRank parts{};
  if (step.adapter == nullptr) return parts;
  const int64_t rank = step.adapter->shape().rank;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (low_rank_[i].view().cols != rank) low_rank_[i] = OwnedTensor(model_.backend(), max_rows_, rank);
    parts[i] = low_rank_[i].top(rows);
  }
  return parts;
}

void Decoder::attend(const Step& step, int64_t layer, int64_t rows) {
  const ModelSpec& spec = model_.spec();
  const LayerWeights& weights = model_.layer(layer);
  const AttentionShape shape = spec.attention_shape(layer, step.cache == nullptr ? CacheForm::reals : step.cache->form());
  const Segments segments{step.segments.data(), static_cast<int64_t>(step.segments.size())};
  Backend& backend = model_.backend();
  const Tensor normed = normed_.top(rows), query = query_.top(rows), key = key_.top(rows), value = value_.top(rows);

  const LowRank narrow = low_rank(step, rows);
  project(model_, {{Target::q_proj, query, narrow[0]}, {Target::k_proj, key, narrow[1]}, {Target::v_proj, value, narrow[2]}}, normed, layer, step.adapter,
          step.compute);
  if (spec.query_key_norm) {
    const Tensor query_heads = by_heads(query, spec.head_size), key_heads = by_heads(key, spec.head_size);
    backend.rms_norm(query_heads, query_heads, weights.query_norm.view(), spec.norm_epsilon);
    backend.rms_norm(key_heads, key_heads, weights.key_norm.view(), spec.norm_epsilon);
  }
  ropes_.rotate(query, layer, Rotation::forward);
  ropes_.rotate(key, layer, Rotation::forward);
  if (step.cache == nullptr) {
    backend.attention(attended_.top(rows), logsumexp_.top(rows), query, key, value, segments, shape);
  } else {
    backend.store_keys_values(step.cache->keys(layer), step.cache->values(layer), key, value, segments, shape);
    backend.cached_attention(attended_.top(rows), query, step.cache->keys(layer), step.cache->values(layer), segments, shape);
  }
}

Tensor Decoder::norm_after(int64_t layer) const {
  return layer + 1 < static_cast<int64_t>(model_.spec().layers.size()) ? model_.layer(layer + 1).attention_norm.view() : model_.final_norm();
}

void Decoder::finish_layer(const Step& step, int64_t layer, Tensor stream, Tensor attended) {
  const ModelSpec& spec = model_.spec();
  const LayerWeights& weights = model_.layer(layer);
  Backend& backend = model_.backend();
  const int64_t rows = stream.rows;
  const Tensor normed = normed_.top(rows), gate = gate_.top(rows), up = up_.top(rows), branch = branch_.top(rows);

  const LowRank narrow = low_rank(step, rows);
  project(model_, {{Target::o_proj, branch, narrow[0]}}, attended, layer, step.adapter, step.compute);
  if (spec.sandwich_norms) backend.rms_norm(branch, branch, weights.post_attention_norm.view(), spec.norm_epsilon);
  backend.add_rms_norm(normed, stream, stream, branch, weights.mlp_norm.view(), spec.norm_epsilon);
  project(model_, {{Target::gate_proj, gate, narrow[0]}, {Target::up_proj, up, narrow[1]}}, normed, layer, step.adapter, step.compute);
  backend.gated(gate, gate, up, spec.activation);
  project(model_, {{Target::down_proj, branch, narrow[0]}}, gate, layer, step.adapter, step.compute);
  if (spec.sandwich_norms) backend.rms_norm(branch, branch, weights.post_mlp_norm.view(), spec.norm_epsilon);
  backend.add_rms_norm(normed, stream, stream, branch, norm_after(layer), spec.norm_epsilon);
}

Tensor Decoder::hidden(const Step& step) {
  const ModelSpec& spec = model_.spec();
  Backend& backend = model_.backend();
  const int64_t rows = static_cast<int64_t>(step.tokens.size()), wanted = static_cast<int64_t>(step.wanted.size());
  require(rows <= max_rows_, "state", "Expected at most " + std::to_string(max_rows_) + " rows in a step but received " + std::to_string(rows) + ".");
  for (int32_t token : step.tokens) {
    require(token >= 0 && token < spec.vocab_size, "token",
            "Expected token ids from 0 to " + std::to_string(spec.vocab_size - 1) + " but received " + std::to_string(token) + ".");
  }
  ropes_.prepare(step.segments, step.sequence_lengths);
  backend.upload(tokens_.top(rows), step.tokens.data());
  model_.embed(stream_.top(rows), tokens_.top(rows));

  const int64_t layers = static_cast<int64_t>(spec.layers.size());
  backend.rms_norm(normed_.top(rows), stream_.top(rows), model_.layer(0).attention_norm.view(), spec.norm_epsilon);
  for (int64_t layer = 0; layer + 1 < layers; ++layer) {
    attend(step, layer, rows);
    finish_layer(step, layer, stream_.top(rows), attended_.top(rows));
  }
  // Nothing reads the last layer's other rows: only their keys and values are needed.
  attend(step, layers - 1, rows);
  const Indices wanted_rows = wanted_rows_.top(wanted);
  backend.upload(wanted_rows, step.wanted.data());
  backend.gather_rows(wanted_stream_.top(wanted), stream_.top(rows), wanted_rows);
  backend.gather_rows(wanted_attended_.top(wanted), attended_.top(rows), wanted_rows);
  finish_layer(step, layers - 1, wanted_stream_.top(wanted), wanted_attended_.top(wanted));
  return normed_.top(wanted);
}

Tensor Decoder::logits(const Step& step) {
  const int64_t wanted = static_cast<int64_t>(step.wanted.size());
  if (logits_.view().rows < wanted) logits_ = OwnedTensor(model_.backend(), wanted, model_.spec().vocab_size);
  const auto compute = [&] { multiply(model_.backend(), logits_.top(wanted), hidden(step), model_.head(), Tensor{}, step.compute); };
  if (step.repeats) model_.backend().repeated(step.tokens.size() << 32 | static_cast<uint64_t>(wanted), compute);
  else compute();
  return logits_.top(wanted);
}

}  // namespace sdft
