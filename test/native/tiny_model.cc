#include "tiny_model.h"

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <random>

#include "base/error.h"
#include "harness.h"
#include "kernels/backends.h"

namespace sdft::test {

namespace {

ModelSpec make_spec(int64_t head_size) {
  ModelSpec spec;
  spec.architecture = "tiny";
  spec.vocab_size = 83, spec.width = 48, spec.query_heads = 4, spec.kv_heads = 2, spec.head_size = head_size, spec.inner_width = 72, spec.max_positions = 256;
  spec.norm_epsilon = 1e-5, spec.norm_offset = 0, spec.activation = Activation::silu, spec.embedding_scale = 1, spec.attention_scale = 0.25;
  spec.query_key_norm = true, spec.sandwich_norms = false, spec.tied_head = true;
  RopeSpec rope{{}, 1.0, {0, 0, 0}};
  for (int64_t i = 0; i < head_size / 2; ++i) rope.inverse_frequencies.push_back(std::pow(10000.0, -2.0 * static_cast<double>(i) / static_cast<double>(head_size)));
  spec.ropes = {rope};
  spec.layers = {{0, 0}, {24, 0}};
  return spec;
}

/// Writes f32 tensors one after the other and remembers where.
class WeightFile {
 public:
  explicit WeightFile(const std::string& path) : out_(path, std::ios::binary) {}
  void add(const std::string& name, std::vector<int64_t> shape, float scale, float offset = 0) {
    int64_t count = 1;
    for (int64_t size : shape) count *= size;
    std::vector<float> values = random_floats(count, entries.size(), scale);
    for (float& value : values) value += offset;
    entries.push_back({name, DType::f32, std::move(shape), 0, static_cast<int64_t>(out_.tellp()), RowOrder::natural});
    out_.write(reinterpret_cast<const char*>(values.data()), count * static_cast<int64_t>(sizeof(float)));
  }
  std::vector<WeightEntry> entries;

 private:
  std::ofstream out_;
};

std::vector<WeightEntry> write_weights(const std::string& path, const ModelSpec& spec) {
  WeightFile file(path);
  file.add("model.embed_tokens.weight", {spec.vocab_size, spec.width}, 0.5f);
  file.add("model.norm.weight", {spec.width}, 0.2f, 1);
  for (size_t layer = 0; layer < spec.layers.size(); ++layer) {
    const std::string prefix = "model.layers." + std::to_string(layer) + ".";
    file.add(prefix + "input_layernorm.weight", {spec.width}, 0.2f, 1);
    file.add(prefix + "post_attention_layernorm.weight", {spec.width}, 0.2f, 1);
    file.add(prefix + "self_attn.q_norm.weight", {spec.head_size}, 0.2f, 1);
    file.add(prefix + "self_attn.k_norm.weight", {spec.head_size}, 0.2f, 1);
    for (int t = 0; t < kTargets; ++t) {
      const Target target = static_cast<Target>(t);
      file.add(prefix + target_path(target) + ".weight", {target_outputs(spec, target), target_inputs(spec, target)}, 0.2f);
    }
  }
  return file.entries;
}

}  // namespace

std::unique_ptr<Model> make_tiny_model(const std::string& backend, int threads) {
  std::unique_ptr<Backend> made;
  try {
    made = make_backend(backend, threads);
  } catch (const Error& error) {
    skip(error.what());
  }
  return make_tiny_model(std::move(made));
}

std::unique_ptr<Model> make_tiny_model(std::unique_ptr<Backend> backend, WeightFormat format, int64_t head_size) {
  const ModelSpec spec = make_spec(head_size);
  const std::string path = (std::filesystem::temp_directory_path() / ("sdft_tiny_model_" + std::to_string(std::random_device()()))).string();
  const std::vector<WeightEntry> entries = write_weights(path, spec);
  WeightTable table({path}, entries);
  std::remove(path.c_str());  // the mapping keeps it
  return std::make_unique<Model>(spec, std::move(table), std::move(backend), format);
}

std::unique_ptr<Adapter> make_tiny_adapter(const Model& model) {
  AdapterShape shape{3, 0.7, {}};
  for (int t = 0; t < kTargets; ++t) shape.targets.push_back(static_cast<Target>(t));
  auto adapter = std::make_unique<Adapter>(model, shape);
  uint64_t seed = 1000;
  for (const AdapterTensors::Named& named : adapter->tensors().all()) {
    const std::vector<float> values = random_floats(named.tensor.rows * named.tensor.cols, ++seed, 0.2f);
    model.backend().upload(named.tensor, values.data());
  }
  return adapter;
}

}  // namespace sdft::test
