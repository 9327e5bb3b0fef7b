#include "sampling/embedder.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/error.h"

namespace sdft {

namespace {

/// Texts [first, end) of one step.
struct Pack {
  size_t first, end;
  int64_t rows;
};

std::vector<Pack> pack(const std::vector<std::vector<int32_t>>& texts, int64_t rows_per_step) {
  std::vector<Pack> packs;
  for (size_t i = 0; i < texts.size(); ++i) {
    const auto rows = static_cast<int64_t>(texts[i].size());
    if (packs.empty() || packs.back().rows + rows > rows_per_step) packs.push_back({i, i, 0});
    packs.back().end = i + 1;
    packs.back().rows += rows;
  }
  return packs;
}

void check(const std::vector<std::vector<int32_t>>& texts, const EncoderSpec& spec) {
  for (size_t i = 0; i < texts.size(); ++i) {
    const std::string name = "text " + std::to_string(i);
    require(!texts[i].empty(), "tokens", "Expected at least one token for " + name + " but received none.");
    require(static_cast<int64_t>(texts[i].size()) <= spec.max_positions, "context",
            "Expected at most " + std::to_string(spec.max_positions) + " tokens for " + name + " (the encoder's positions) but it has " +
                std::to_string(texts[i].size()) + ".");
    for (int32_t token : texts[i]) {
      require(token >= 0 && token < spec.vocab_size, "tokens",
              "Expected token ids between 0 and " + std::to_string(spec.vocab_size - 1) + " for " + name + " but received " + std::to_string(token) + ".");
    }
  }
}

/// out (C): the mean of `rows` rows of `states` from `first` on, at length 1.
void pool(const std::vector<double>& states, int64_t width, int64_t first, int64_t rows, double* out) {
  for (int64_t row = first; row < first + rows; ++row)
    for (int64_t c = 0; c < width; ++c) out[c] += states[static_cast<size_t>(row * width + c)];
  double squares = 0;
  for (int64_t c = 0; c < width; ++c) {
    out[c] /= static_cast<double>(rows);
    squares += out[c] * out[c];
  }
  const double length = std::max(std::sqrt(squares), 1e-12);  // torch.nn.functional.normalize
  for (int64_t c = 0; c < width; ++c) out[c] /= length;
}

}  // namespace

std::vector<double> embed(const EncoderModel& model, const std::function<Encoder&(int64_t rows)>& encoder_for, const std::vector<std::vector<int32_t>>& texts,
                          int64_t rows_per_step, const EmbedHooks& hooks) {
  check(texts, model.spec());
  const int64_t width = model.spec().width;
  const std::vector<Pack> packs = pack(texts, rows_per_step);
  int64_t most_rows = 1;
  for (const Pack& part : packs) most_rows = std::max(most_rows, part.rows);
  Encoder& encoder = encoder_for(most_rows);
  std::vector<double> embeddings(texts.size() * static_cast<size_t>(width)), states;
  for (const Pack& part : packs) {
    require(!hooks.cancelled, "cancelled", "Embedding was cancelled.");
    std::vector<int32_t> tokens;
    std::vector<Segment> segments;
    for (size_t i = part.first; i < part.end; ++i) {
      segments.push_back({-1, static_cast<int64_t>(tokens.size()), static_cast<int64_t>(texts[i].size()), 0, nullptr});
      tokens.insert(tokens.end(), texts[i].begin(), texts[i].end());
    }
    const Tensor hidden = encoder.hidden(tokens, segments);
    states.resize(static_cast<size_t>(part.rows * width));
    model.backend().download(states.data(), hidden);
    for (size_t i = part.first; i < part.end; ++i) {
      const Segment& segment = segments[i - part.first];
      pool(states, width, segment.start, segment.length, embeddings.data() + i * static_cast<size_t>(width));
    }
    if (hooks.progress) hooks.progress(static_cast<int64_t>(part.end));
  }
  return embeddings;
}

}  // namespace sdft
