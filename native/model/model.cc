// Loading: every tensor the spec asks for, checked and prepared by the backend.
#include "model/model.h"

#include <algorithm>

#include "base/error.h"

namespace sdft {

Model::Model(ModelSpec spec, WeightTable table, std::unique_ptr<Backend> backend, WeightFormat format)
    : spec_(std::move(spec)), table_(std::move(table)), backend_(std::move(backend)) {
  require(spec_.kv_heads > 0 && spec_.query_heads % spec_.kv_heads == 0, "spec",
          "Expected query heads to be a multiple of key-value heads but received " + std::to_string(spec_.query_heads) + " and " + std::to_string(spec_.kv_heads) + ".");
  require(!spec_.layers.empty(), "spec", "Expected at least one layer but received none.");

  const WeightLoader load(table_, *backend_, format, spec_.head_size);
  stored_embedding_ = &table_.get("model.embed_tokens.weight");
  embedding_ = load.matrix("model.embed_tokens.weight", spec_.vocab_size, spec_.width, spec_.tied_head ? WeightUse::products : WeightUse::rows);
  if (!spec_.tied_head) head_ = load.matrix("lm_head.weight", spec_.vocab_size, spec_.width, WeightUse::products);
  final_norm_ = load.vector("model.norm.weight", spec_.width, spec_.norm_offset);
  for (size_t index = 0; index < spec_.layers.size(); ++index) {
    const std::string prefix = "model.layers." + std::to_string(index) + ".";
    LayerWeights layer;
    layer.attention_norm = load.vector(prefix + "input_layernorm.weight", spec_.width, spec_.norm_offset);
    if (spec_.sandwich_norms) {
      layer.post_attention_norm = load.vector(prefix + "post_attention_layernorm.weight", spec_.width, spec_.norm_offset);
      layer.mlp_norm = load.vector(prefix + "pre_feedforward_layernorm.weight", spec_.width, spec_.norm_offset);
      layer.post_mlp_norm = load.vector(prefix + "post_feedforward_layernorm.weight", spec_.width, spec_.norm_offset);
    } else {
      layer.mlp_norm = load.vector(prefix + "post_attention_layernorm.weight", spec_.width, spec_.norm_offset);
    }
    if (spec_.query_key_norm) {
      layer.query_norm = load.vector(prefix + "self_attn.q_norm.weight", spec_.head_size, spec_.norm_offset);
      layer.key_norm = load.vector(prefix + "self_attn.k_norm.weight", spec_.head_size, spec_.norm_offset);
    }
    for (int t = 0; t < kTargets; ++t) {
      const Target target = static_cast<Target>(t);
      layer.linear[t] = load.linear(prefix + target_path(target), target_outputs(spec_, target), target_inputs(spec_, target));
    }
    layers_.push_back(std::move(layer));
  }
}

void Model::embed(Tensor out, Indices tokens) const {
  if (!backend_->reads_rows_from_file()) return backend_->embed(out, embedding_, tokens, spec_.embedding_scale);
  // The system maps a file's pages sixteen at a time: soon the whole embedding would count as ours. What so many rows brought in is let go of with them.
  constexpr int64_t kRows = 64;
  for (int64_t first = 0; first < tokens.count;) {
    const int64_t count = std::min(kRows - rows_read_, tokens.count - first);
    const Tensor part{static_cast<char*>(out.data) + first * out.stride * backend_->real_bytes(), count, out.cols, out.stride};
    backend_->embed(part, embedding_, {tokens.data + first, count}, spec_.embedding_scale);
    first += count;
    rows_read_ = (rows_read_ + count) % kRows;
    if (rows_read_ == 0) table_.forget(*stored_embedding_);
  }
}

void Model::require_products(Compute compute) const {
  if (compute != Compute::integer) return;
  auto check = [&](const Weight& weight, const std::string& name) {
    require(backend_->has_integer_form(weight), "compute",
            "Integer products (--compute int) need weights held as 4- or 8-bit integers, and " + name + " is not: add --weights q8 (or q4).");
  };
  for (size_t index = 0; index < layers_.size(); ++index) {
    for (int t = 0; t < kTargets; ++t)
      check(layers_[index].linear[static_cast<size_t>(t)].weight, "model.layers." + std::to_string(index) + "." + target_path(static_cast<Target>(t)) + ".weight");
  }
  check(head(), spec_.tied_head ? "model.embed_tokens.weight" : "lm_head.weight");
}

int64_t Model::weight_bytes() const {
  int64_t bytes = embedding_.bytes + head_.bytes;
  for (const LayerWeights& layer : layers_) {
    for (const LinearWeight& linear : layer.linear) bytes += linear.weight.bytes;
  }
  return bytes;
}

}  // namespace sdft
