// A decoder as data; the C++ twin of ModelSpec in src/native/types.ts, which says what each field means.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "kernels/backend.h"

namespace sdft {

struct DynamicRope {
  double theta, factor;
  int64_t original_max_positions;  // 0: not dynamic
};

struct RopeSpec {
  std::vector<double> inverse_frequencies;  // (D/2)
  double attention_scale;
  DynamicRope dynamic;
};

struct LayerSpec {
  int64_t sliding_window;  // 0: sees all
  int64_t rope;            // index into ModelSpec::ropes
};

struct ModelSpec {
  std::string architecture;
  int64_t vocab_size, width, query_heads, kv_heads, head_size, inner_width, max_positions;
  double norm_epsilon, norm_offset;
  Activation activation;
  double embedding_scale, attention_scale;
  bool query_key_norm, sandwich_norms, tied_head;
  std::vector<RopeSpec> ropes;
  std::vector<LayerSpec> layers;

  AttentionShape attention_shape(int64_t layer, CacheForm cache = CacheForm::reals) const {
    return {query_heads, kv_heads, head_size, attention_scale, layers[layer].sliding_window, cache};
  }
};

/// The seven linear layers of a decoder layer, in the order that dropout streams and adapter tensors use.
enum class Target { q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj };
constexpr int kTargets = 7;
const char* target_name(Target target);
/// `self_attn.q_proj`, `mlp.down_proj`, …: its place inside a layer's names.
std::string target_path(Target target);
/// Throws Error("target") for an unknown name.
Target parse_target(const std::string& name);
/// (out, in) of a target.
int64_t target_outputs(const ModelSpec& spec, Target target);
int64_t target_inputs(const ModelSpec& spec, Target target);

}  // namespace sdft
