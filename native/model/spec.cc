// Names and sizes of the seven linear layers.
#include "model/spec.h"

#include "base/error.h"

namespace sdft {

namespace {
constexpr const char* kNames[kTargets] = {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"};
}

const char* target_name(Target target) { return kNames[static_cast<int>(target)]; }

std::string target_path(Target target) {
  return std::string(target < Target::gate_proj ? "self_attn." : "mlp.") + target_name(target);
}

Target parse_target(const std::string& name) {
  for (int i = 0; i < kTargets; ++i) {
    if (name == kNames[i]) return static_cast<Target>(i);
  }
  throw Error("target", "Expected a linear layer of q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj but received \"" + name + "\".");
}

int64_t target_outputs(const ModelSpec& spec, Target target) {
  switch (target) {
    case Target::q_proj: return spec.query_heads * spec.head_size;
    case Target::k_proj:
    case Target::v_proj: return spec.kv_heads * spec.head_size;
    case Target::gate_proj:
    case Target::up_proj: return spec.inner_width;
    case Target::o_proj:
    case Target::down_proj: return spec.width;
  }
  throw Error("target", "unreachable");
}

int64_t target_inputs(const ModelSpec& spec, Target target) {
  switch (target) {
    case Target::o_proj: return spec.query_heads * spec.head_size;
    case Target::down_proj: return spec.inner_width;
    default: return spec.width;
  }
}

}  // namespace sdft
