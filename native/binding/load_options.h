// LoadOptions of src/native/types.ts as the engine's own types. What would let the engine read or divide out of bounds is refused here with a TypeError.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "binding/argument.h"
#include "model/model.h"

namespace sdft::binding {

struct LoadOptions {
  ModelSpec spec;
  std::vector<std::string> files;
  std::vector<WeightEntry> weights;
  std::string backend;
  int threads;
  WeightFormat format;
  bool profile;  // add up what each kernel costs
};

LoadOptions parse_load_options(const Argument& options);
/// Maps, checks and prepares: the slow part, for a worker thread.
std::unique_ptr<Model> load_model(const LoadOptions& options);

}  // namespace sdft::binding
