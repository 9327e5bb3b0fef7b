// Allocation and lookup of LoRA matrices.
#include "model/adapter.h"

#include "base/error.h"

namespace sdft {

AdapterTensors::AdapterTensors(const Model& model, const AdapterShape& shape) {
  const ModelSpec& spec = model.spec();
  pairs_.resize(spec.layers.size());
  std::array<bool, kTargets> targeted{};
  for (Target target : shape.targets) targeted[static_cast<int>(target)] = true;
  for (size_t layer = 0; layer < spec.layers.size(); ++layer) {
    for (int t = 0; t < kTargets; ++t) {
      if (!targeted[t]) continue;
      const Target target = static_cast<Target>(t);
      const std::string name = "model.layers." + std::to_string(layer) + "." + target_path(target);
      memory_.emplace_back(model.backend(), shape.rank, target_inputs(spec, target));
      const Tensor a = memory_.back().view();
      memory_.emplace_back(model.backend(), target_outputs(spec, target), shape.rank);
      const Tensor b = memory_.back().view();
      pairs_[layer][t] = {a, b};
      named_.push_back({name + ".lora_A", a});
      named_.push_back({name + ".lora_B", b});
    }
  }
}

LoraPair AdapterTensors::pair(int64_t layer, Target target) const { return pairs_[layer][static_cast<int>(target)]; }

Tensor AdapterTensors::find(const std::string& name) const {
  for (const Named& entry : named_) {
    if (entry.name == name) return entry.tensor;
  }
  throw Error("adapter", "Expected the name of an adapter tensor (such as " + (named_.empty() ? std::string("none here") : named_.front().name) +
                             ") but received \"" + name + "\".");
}

}  // namespace sdft
