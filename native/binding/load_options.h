// LoadOptions and EncoderLoadOptions of src/native/types.ts as the engine's own types. What would let the engine read or divide out of bounds is refused here with a TypeError.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "binding/argument.h"
#include "model/encoder_model.h"
#include "model/model.h"

namespace sdft::binding {

/// Where weights lie and who is to hold them.
struct LoadSource {
  std::vector<std::string> files;
  std::vector<WeightEntry> weights;
  std::string backend;
  int threads;
  WeightFormat format;
  bool profile;          // add up what each kernel costs
  bool batch_invariant;  // the same bits of a row whatever the batch
  int64_t device_bytes;  // to take in one piece; 0: as needed
};

struct LoadOptions {
  ModelSpec spec;
  LoadSource source;
};

struct EncoderLoadOptions {
  EncoderSpec spec;
  LoadSource source;
};

LoadOptions parse_load_options(const Argument& options);
EncoderLoadOptions parse_encoder_load_options(const Argument& options);
/// Maps, checks and prepares: the slow part, for a worker thread.
std::unique_ptr<Model> load_model(const LoadOptions& options);
std::unique_ptr<EncoderModel> load_encoder(const EncoderLoadOptions& options);

}  // namespace sdft::binding
