// LoRA matrices by layer and target, and sets of tensors of the same shapes (gradients, moments).
#pragma once
#include <string>
#include <vector>

#include "model/model.h"

namespace sdft {

/// A (R, in) and B (out, R) of one linear layer; empty where it carries no adapter.
struct LoraPair {
  Tensor a, b;
  explicit operator bool() const { return a.data != nullptr; }
};

struct AdapterShape {
  int64_t rank;
  double scale;  // alpha / r, or alpha / sqrt(r)
  std::vector<Target> targets;
};

/// A pair for each layer and target. Once built its memory stays where it is.
class AdapterTensors {
 public:
  struct Named {
    std::string name;  // model.layers.0.self_attn.q_proj.lora_A
    Tensor tensor;
  };
  AdapterTensors(const Model& model, const AdapterShape& shape);

  LoraPair pair(int64_t layer, Target target) const;
  /// By layer, then target, A before B.
  const std::vector<Named>& all() const { return named_; }
  /// Throws Error("adapter") for an unknown name.
  Tensor find(const std::string& name) const;

 private:
  std::vector<OwnedTensor> memory_;
  std::vector<std::array<LoraPair, kTargets>> pairs_;  // by layer
  std::vector<Named> named_;
};

/// An adapter as generating, scoring and training use it. Starts at zero: the base model.
class Adapter {
 public:
  Adapter(const Model& model, AdapterShape shape) : shape_(std::move(shape)), tensors_(model, shape_) {}
  const AdapterShape& shape() const { return shape_; }
  const AdapterTensors& tensors() const { return tensors_; }

 private:
  AdapterShape shape_;
  AdapterTensors tensors_;
};

}  // namespace sdft
