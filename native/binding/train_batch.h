// TrainBatch of src/native/types.ts as the engine's TrainingBatch: flat arrays become segments with positions, checked so that no index leaves its array.
#pragma once
#include "binding/argument.h"
#include "model/training_pass.h"

namespace sdft::binding {

/// Throws Error("batch") where starts, parents, ids, tokens or targets don't fit together, Error("context") where a sequence is too long for the model.
TrainingBatch parse_train_batch(const Argument& batch, const ModelSpec& spec);

}  // namespace sdft::binding
