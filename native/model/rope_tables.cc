// Tables of rotations; dynamic NTK scaling is the one kind that depends on the sequence.
#include "model/rope_tables.h"

#include <cmath>

#include "base/error.h"

namespace sdft {

namespace {

/// Frequencies of a sequence of `length` under dynamic NTK scaling, as transformers computes them from the whole sequence.
std::vector<double> dynamic_frequencies(const RopeSpec& rope, int64_t length) {
  const DynamicRope& dynamic = rope.dynamic;
  if (length <= dynamic.original_max_positions) return rope.inverse_frequencies;
  const int64_t half = static_cast<int64_t>(rope.inverse_frequencies.size());
  const double size = 2.0 * half;
  const double stretch = dynamic.factor * length / dynamic.original_max_positions - (dynamic.factor - 1.0);
  const double theta = dynamic.theta * std::pow(stretch, size / (size - 2.0));
  std::vector<double> frequencies(half);
  for (int64_t i = 0; i < half; ++i) frequencies[i] = 1.0 / std::pow(theta, 2.0 * i / size);
  return frequencies;
}

Tensor slice(Tensor x, const Segment& segment, int64_t real_bytes) {
  return {static_cast<char*>(x.data) + segment.start * x.stride * real_bytes, segment.length, x.cols, x.stride};
}

}  // namespace

RopeTables::RopeTables(const Model& model, int64_t max_rows) : model_(model), positions_(model.backend(), max_rows) {
  for (const RopeSpec& rope : model.spec().ropes) {
    const int64_t half = static_cast<int64_t>(rope.inverse_frequencies.size());
    cosines_.emplace_back(model.backend(), max_rows, half);
    sines_.emplace_back(model.backend(), max_rows, half);
  }
}

void RopeTables::prepare(const std::vector<Segment>& segments, const std::vector<int64_t>& sequence_lengths) {
  const ModelSpec& spec = model_.spec();
  Backend& backend = model_.backend();
  std::vector<int32_t> positions;
  for (const Segment& segment : segments) {
    const int64_t end = segment.position + segment.length;
    require(end <= spec.max_positions, "context",
            "Expected at most " + std::to_string(spec.max_positions) + " positions (the model's context) but a sequence reaches " + std::to_string(end) + ".");
    for (int64_t position = segment.position; position < end; ++position) positions.push_back(static_cast<int32_t>(position));
  }
  rows_ = static_cast<int64_t>(positions.size());
  backend.upload(positions_.top(rows_), positions.data());
  for (size_t r = 0; r < spec.ropes.size(); ++r) {
    const RopeSpec& rope = spec.ropes[r];
    const Tensor cosines = cosines_[r].top(rows_), sines = sines_[r].top(rows_);
    if (rope.dynamic.original_max_positions == 0) {
      backend.rope_table(cosines, sines, positions_.top(rows_), rope.inverse_frequencies.data(), rope.attention_scale);
      continue;
    }
    for (size_t s = 0; s < segments.size(); ++s) {
      const Segment& segment = segments[s];
      const std::vector<double> frequencies = dynamic_frequencies(rope, sequence_lengths[s]);
      const Indices own{positions_.top(rows_).data + segment.start, segment.length};
      backend.rope_table(slice(cosines, segment, backend.real_bytes()), slice(sines, segment, backend.real_bytes()), own, frequencies.data(),
                         rope.attention_scale);
    }
  }
}

void RopeTables::rotate(Tensor x, int64_t layer, Rotation rotation) const {
  const int64_t rope = model_.spec().layers[layer].rope;
  const int64_t first = rows_ - x.rows;
  model_.backend().rope(x, cosines_[rope].range(first, rows_), sines_[rope].range(first, rows_), model_.spec().head_size, rotation);
}

}  // namespace sdft
