// The forward pass for generating and scoring: rows of a step in, normed hidden states of the wanted rows out. Keeps nothing for a backward pass.
#pragma once
#include <array>
#include <vector>

#include "model/adapter.h"
#include "model/kv_cache.h"
#include "model/rope_tables.h"

namespace sdft {

/// The rows of one forward pass. Segment rows must lie one after the other and cover tokens.
struct Step {
  std::vector<int32_t> tokens;            // (N)
  std::vector<Segment> segments;          // with pages when cache is given
  std::vector<int64_t> sequence_lengths;  // one a segment: the length its sequence is declared with (dynamic rope); prompt plus limit when generating
  std::vector<int32_t> wanted;            // rows whose hidden state is wanted, ascending
  const Adapter* adapter = nullptr;
  Compute compute = Compute::f32;    // of the frozen products; an adapter's own stay f32
  bool repeats = false;      // steps of the same shapes will come again: decoding
  KvCache* cache = nullptr;  // null: keys and values come from this step alone, every root at position 0
};

class Decoder {
 public:
  /// Buffers for steps of up to max_rows rows.
  Decoder(const Model& model, int64_t max_rows);

  /// (wanted, C) after the final norm: what head() multiplies. Valid until the next call. Throws Error("context") for a position past maxPositions.
  Tensor hidden(const Step& step);
  /// (wanted, V), computed from hidden(). The buffer grows to the largest number of wanted rows seen.
  Tensor logits(const Step& step);
  int64_t max_rows() const { return max_rows_; }

 private:
  /// Attention of one layer: reads normed_, leaves its heads' outputs (N, H · D) in attended_.
  void attend(const Step& step, int64_t layer, int64_t rows);
  /// Output projection and MLP on `rows` rows of `stream`, whose attention outputs are `attended`; adds both to the stream and leaves it in normed_
  /// as what comes next reads it.
  void finish_layer(const Step& step, int64_t layer, Tensor stream, Tensor attended);
  /// The weight of the norm between a layer and the next, or the head.
  Tensor norm_after(int64_t layer) const;
  /// x aᵀ of the adapters that share an x: query, key and value at most. Empty without an adapter.
  using LowRank = std::array<Tensor, 3>;
  LowRank low_rank(const Step& step, int64_t rows);

  const Model& model_;
  int64_t max_rows_;
  RopeTables ropes_;
  OwnedTensor stream_, normed_, query_, key_, value_, attended_, gate_, up_, branch_, logsumexp_;
  OwnedTensor wanted_stream_, wanted_attended_;
  std::array<OwnedTensor, 3> low_rank_;  // sized by need
  OwnedTensor logits_;                   // the same
  OwnedIndices tokens_, wanted_rows_;
};

}  // namespace sdft
