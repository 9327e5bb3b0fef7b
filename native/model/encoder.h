// The forward pass of a sentence encoder (Devlin et al. 2019): every token of a text sees every other, norms stand after the residual sums.
#pragma once
#include <cstdint>
#include <vector>

#include "model/encoder_model.h"

namespace sdft {

class Encoder {
 public:
  /// Buffers for steps of up to max_rows rows.
  Encoder(const EncoderModel& model, int64_t max_rows);

  /// tokens (N): texts one after the other, each a segment of the list. Hidden states (N, C) of the last layer, valid until the next call. Throws
  /// Error("tokens") for an id outside the vocabulary, Error("context") for a text longer than the model's positions.
  Tensor hidden(const std::vector<int32_t>& tokens, const std::vector<Segment>& segments);
  int64_t max_rows() const { return max_rows_; }

 private:
  void embed(const std::vector<int32_t>& tokens, const std::vector<Segment>& segments);
  void run_layer(int64_t index, int64_t rows, Segments segments);

  const EncoderModel& model_;
  int64_t max_rows_;
  OwnedTensor stream_, branch_, query_, key_, value_, attended_, inner_;
  OwnedIndices indices_;
};

}  // namespace sdft
