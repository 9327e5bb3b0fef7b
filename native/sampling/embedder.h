// Sentence embeddings: texts packed into steps without padding, the mean of each text's hidden states, at unit length.
#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <vector>

#include "model/encoder.h"

namespace sdft {

struct EmbedHooks {
  /// Called after each step with how many texts are done.
  std::function<void(int64_t done)> progress;
  /// Looked at before each step; a set flag throws Error("cancelled").
  const std::atomic<bool>& cancelled;
};

/// (texts, C), row-major, in the order of the texts; means and lengths in double. A step takes as many texts as make up at most rows_per_step tokens; a longer
/// text has one of its own. What a text gets does not depend on the others. Throws Error("tokens") for an empty text or an unknown token, Error("context") for
/// one that is too long, each before any work. encoder_for gives an encoder for steps of at least so many rows.
std::vector<double> embed(const EncoderModel& model, const std::function<Encoder&(int64_t rows)>& encoder_for, const std::vector<std::vector<int32_t>>& texts,
                          int64_t rows_per_step, const EmbedHooks& hooks);

}  // namespace sdft
