// Chooses the next token from one row of logits: a pure function of the logits, the options and a counted random word, on the host.
// Steps in transformers' order: repetition penalty, forbidden tokens, temperature, top-k, top-p, min-p, draw.
#pragma once
#include <cstdint>
#include <vector>

#include "kernels/drawing.h"

namespace sdft {

struct SamplingRow {
  float* logits;                          // (V), used up: penalties are written into it
  int64_t vocabulary;                     // V
  const std::vector<int32_t>& seen;       // prompt and answer so far; the penalty touches each of these tokens once
  const std::vector<int32_t>& forbidden;  // end tokens while the answer is shorter than its minimum, else empty
  int64_t position;                       // index of the new token in the answer
};

/// Room to work in, one for any number of samplers used one after the other.
struct SamplingWorkspace {
  std::vector<uint64_t> weights;  // (V) probabilities in fixed point
  std::vector<uint8_t> penalised;
  std::vector<uint16_t> classes;
  std::vector<int32_t> ids;
};

class Sampler {
 public:
  /// key: philox_key(seed, fnv1a64(id)); sample: which of several answers to the same id.
  Sampler(const SamplingOptions& options, PhiloxKey key, uint32_t sample) : options_(options), key_(key), sample_(sample) {}

  /// Equal logits rank by id, the smaller first. Throws Error("logits") where one is NaN or +infinity, or where no token is allowed,
  /// and Error("tokens") for an id outside the vocabulary.
  int32_t choose(const SamplingRow& row, SamplingWorkspace& workspace) const;

  const SamplingOptions& options() const { return options_; }
  PhiloxKey key() const { return key_; }
  uint32_t sample() const { return sample_; }

 private:
  SamplingOptions options_;
  PhiloxKey key_;
  uint32_t sample_;
};

/// What a backend drew: a token, or Error("logits") as `choose` throws it.
int32_t require_drawn(int32_t drawn, int64_t vocabulary);

}  // namespace sdft
