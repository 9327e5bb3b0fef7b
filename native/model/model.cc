// Loading: every tensor the spec asks for, checked and prepared by the backend.
#include "model/model.h"

#include "base/error.h"

namespace sdft {

namespace {

std::string shape_text(int64_t rows, int64_t cols) { return "(" + std::to_string(rows) + ", " + std::to_string(cols) + ")"; }

}  // namespace

OwnedTensor Model::load_vector(const std::string& name, int64_t length, double offset) {
  const StoredTensor& stored = table_.get(name);
  require(stored.rows * stored.cols == length, "weights",
          "Expected " + std::to_string(length) + " values in " + name + " but the file has " + std::to_string(stored.rows * stored.cols) + ".");
  std::vector<float> values = read_vector(stored, spec_.head_size);
  for (float& value : values) value = static_cast<float>(value + offset);
  OwnedTensor out(*backend_, 1, length);
  backend_->upload(out.view(), values.data());
  return out;
}

Weight Model::load_matrix(const std::string& name, int64_t rows, int64_t cols, WeightFormat format, WeightUse use) {
  const StoredTensor& stored = table_.get(name);
  require(stored.rows == rows && stored.cols == cols, "weights",
          "Expected shape " + shape_text(rows, cols) + " for " + name + " but the file has " + shape_text(stored.rows, stored.cols) + ".");
  const WeightSource source{stored.data, stored.type, rows, cols, stored.order, spec_.head_size};
  Weight weight = use == WeightUse::rows ? backend_->prepare_table(source, format) : backend_->prepare_weight(source, format);
  table_.forget(stored);  // what the backend still reads of it, such as rows of the embedding, comes back by itself
  return weight;
}

Model::Model(ModelSpec spec, WeightTable table, std::unique_ptr<Backend> backend, WeightFormat format)
    : spec_(std::move(spec)), table_(std::move(table)), backend_(std::move(backend)) {
  require(spec_.kv_heads > 0 && spec_.query_heads % spec_.kv_heads == 0, "spec",
          "Expected query heads to be a multiple of key-value heads but received " + std::to_string(spec_.query_heads) + " and " + std::to_string(spec_.kv_heads) + ".");
  require(!spec_.layers.empty(), "spec", "Expected at least one layer but received none.");

  embedding_ = load_matrix("model.embed_tokens.weight", spec_.vocab_size, spec_.width, format, spec_.tied_head ? WeightUse::products : WeightUse::rows);
  if (!spec_.tied_head) head_ = load_matrix("lm_head.weight", spec_.vocab_size, spec_.width, format, WeightUse::products);
  final_norm_ = load_vector("model.norm.weight", spec_.width, spec_.norm_offset);
  for (size_t index = 0; index < spec_.layers.size(); ++index) {
    const std::string prefix = "model.layers." + std::to_string(index) + ".";
    LayerWeights layer;
    layer.attention_norm = load_vector(prefix + "input_layernorm.weight", spec_.width, spec_.norm_offset);
    if (spec_.sandwich_norms) {
      layer.post_attention_norm = load_vector(prefix + "post_attention_layernorm.weight", spec_.width, spec_.norm_offset);
      layer.mlp_norm = load_vector(prefix + "pre_feedforward_layernorm.weight", spec_.width, spec_.norm_offset);
      layer.post_mlp_norm = load_vector(prefix + "post_feedforward_layernorm.weight", spec_.width, spec_.norm_offset);
    } else {
      layer.mlp_norm = load_vector(prefix + "post_attention_layernorm.weight", spec_.width, spec_.norm_offset);
    }
    if (spec_.query_key_norm) {
      layer.query_norm = load_vector(prefix + "self_attn.q_norm.weight", spec_.head_size, spec_.norm_offset);
      layer.key_norm = load_vector(prefix + "self_attn.k_norm.weight", spec_.head_size, spec_.norm_offset);
    }
    for (int t = 0; t < kTargets; ++t) {
      const Target target = static_cast<Target>(t);
      const std::string name = prefix + target_path(target);
      layer.linear[t].weight = load_matrix(name + ".weight", target_outputs(spec_, target), target_inputs(spec_, target), format, WeightUse::products);
      if (table_.has(name + ".bias")) layer.linear[t].bias = load_vector(name + ".bias", target_outputs(spec_, target), 0.0);
    }
    layers_.push_back(std::move(layer));
  }
}

void Model::require_products(Compute compute) const {
  if (compute == Compute::f32) return;
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
