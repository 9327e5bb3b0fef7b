// Tokens are ranked by (logit falling, id rising), so top-k, top-p and min-p each keep a head of that ranking: a filter finds its last kept token, or its
// least weight, and sets the other weights to zero. Nothing is sorted whole. Weights are fixed-point integers: their sums are exact, whatever the order.
#include "sampling/sampler.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>

#include "base/error.h"

namespace sdft {
namespace {

constexpr int kWeightBits = 44;  // the likeliest token weighs 2^44; 2^19 such tokens fit into 63 bits

/// e^x for x in [−∞, 0], to 2 units in the last place; below −87, where weights are long zero, e^−87. Plain arithmetic: the same bits on every machine
/// (libm's differ), and vectorised by the compiler.
inline float exp_of_negative(float x) {
  constexpr float kRounder = 12582912.0f;  // 1.5 · 2^23: adding it leaves the nearest integer in the low mantissa bits
  x = x > -87.0f ? x : -87.0f;
  const float shifted = x * 1.44269504f + kRounder, power = shifted - kRounder;
  float r = x - power * 0.693359375f;  // ln 2 in two parts, the first exact in 10 bits
  r = r + power * 2.12194440e-4f;
  const float series = 1.0f + r * (1.0f + r * (0.5f + r * (1.6666667e-1f + r * (4.1666667e-2f + r * (8.3333333e-3f + r * 1.3888889e-3f)))));
  uint32_t bits;
  std::memcpy(&bits, &shifted, sizeof bits);
  bits = (bits - 0x4B400000u + 127u) << 23;
  float scale;
  std::memcpy(&scale, &bits, sizeof scale);
  return scale * series;
}

/// The penalty divides positive logits and multiplies negative ones, once a token (Keskar et al. 2019).
void penalise(const SamplingRow& row, float penalty, std::vector<uint8_t>& penalised) {
  penalised.assign(static_cast<size_t>(row.vocabulary), 0);
  for (int32_t token : row.seen) {
    if (penalised[static_cast<size_t>(token)]) continue;
    penalised[static_cast<size_t>(token)] = 1;
    float& logit = row.logits[token];
    logit = logit < 0 ? logit * penalty : logit / penalty;
  }
}

/// The first of the largest logits.
int32_t likeliest(const SamplingRow& row) {
  constexpr int64_t kLanes = 16;  // independent maxima, which a processor takes at once
  constexpr float kLeast = -std::numeric_limits<float>::infinity();
  float largest[kLanes];
  std::fill_n(largest, kLanes, kLeast);
  bool ordered = true;
  int64_t i = 0;
  for (; i + kLanes <= row.vocabulary; i += kLanes) {
    for (int64_t lane = 0; lane < kLanes; ++lane) {
      const float logit = row.logits[i + lane];
      ordered &= logit == logit;
      largest[lane] = logit > largest[lane] ? logit : largest[lane];
    }
  }
  for (; i < row.vocabulary; ++i) {
    ordered &= row.logits[i] == row.logits[i];
    largest[0] = std::max(largest[0], row.logits[i]);
  }
  require(ordered, "logits", "Expected numbers as logits but one is NaN: the weights are damaged or the arithmetic overflowed");
  const float top = *std::max_element(largest, largest + kLanes);
  require(top > kLeast, "logits", "Expected at least one allowed token but all " + std::to_string(row.vocabulary) + " are forbidden");
  require(top < std::numeric_limits<float>::infinity(), "logits", "Expected finite logits but one is infinite: the arithmetic overflowed");
  return static_cast<int32_t>(std::find(row.logits, row.logits + row.vocabulary, top) - row.logits);
}

/// One row being narrowed down. weights[id] = 0: not kept.
struct Narrowing {
  const float* logits;
  int64_t vocabulary;
  std::vector<uint64_t>& weights;
  std::vector<int32_t>& ids;  // scratch

  bool before(int32_t a, int32_t b) const { return logits[a] != logits[b] ? logits[a] > logits[b] : a < b; }

  /// weight = ⌊2^44 · e^((logit − largest) / temperature)⌋
  void weigh(float largest, float temperature) {
    constexpr float kOne = static_cast<float>(uint64_t{1} << kWeightBits);
    weights.resize(static_cast<size_t>(vocabulary));
    for (int64_t i = 0; i < vocabulary; ++i) {
      weights[static_cast<size_t>(i)] = static_cast<uint64_t>(static_cast<int64_t>(kOne * exp_of_negative((logits[i] - largest) / temperature)));
    }
  }

  uint64_t total() const {
    uint64_t sum = 0;
    for (uint64_t weight : weights) sum += weight;
    return sum;
  }

  void keep_to(int32_t last) {
    const float least = logits[last];
    for (int64_t i = 0; i < vocabulary; ++i) {
      const bool kept = logits[i] > least || (logits[i] == least && i <= last);
      weights[static_cast<size_t>(i)] = kept ? weights[static_cast<size_t>(i)] : 0;
    }
  }

  /// Keeps the first `count` (in [1, V)). Collects what beats the count-th best so far, and drops the rest whenever the list has doubled.
  void keep_top_k(int64_t count) {
    const auto order = [this](int32_t a, int32_t b) { return before(a, b); };
    const auto cut = [&] { std::nth_element(ids.begin(), ids.begin() + (count - 1), ids.end(), order), ids.resize(static_cast<size_t>(count)); };
    ids.clear();
    float least = -std::numeric_limits<float>::infinity();
    for (int64_t i = 0; i < vocabulary; ++i) {
      // A later token equal to the least ranks behind it; until the list is first full, `least` is −infinity and a forbidden token may be left out.
      if (!(logits[i] > least)) continue;
      ids.push_back(static_cast<int32_t>(i));
      if (static_cast<int64_t>(ids.size()) < 2 * count) continue;
      cut();
      least = logits[ids.back()];
    }
    if (static_cast<int64_t>(ids.size()) < count) return;  // the others are forbidden
    cut();
    keep_to(ids.back());
  }

  /// Keeps tokens while those before them hold less than `share` of the weight; always the first. Weights are summed in classes of logits down to the class
  /// in which the limit falls, and only that one is sorted.
  void keep_top_p(double share, float largest) {
    constexpr int kClasses = 1024;
    const double limit = share * static_cast<double>(total());
    float least = largest;  // of the kept ones
    for (int64_t i = 0; i < vocabulary; ++i) least = weights[static_cast<size_t>(i)] > 0 && logits[i] < least ? logits[i] : least;
    const float range = least < largest ? largest - least : 1;
    const auto class_of = [&](int64_t i) { return static_cast<int>((largest - logits[i]) / range * (kClasses - 1)); };
    uint64_t sums[kClasses] = {};
    for (int64_t i = 0; i < vocabulary; ++i)
      if (weights[static_cast<size_t>(i)] > 0) sums[class_of(i)] += weights[static_cast<size_t>(i)];
    uint64_t sum = 0;
    int border = 0;
    while (border < kClasses - 1 && static_cast<double>(sum + sums[border]) < limit) sum += sums[border++];
    ids.clear();
    for (int64_t i = 0; i < vocabulary; ++i)
      if (weights[static_cast<size_t>(i)] > 0 && class_of(i) == border) ids.push_back(static_cast<int32_t>(i));
    std::sort(ids.begin(), ids.end(), [this](int32_t a, int32_t b) { return before(a, b); });
    int32_t last = ids.front();
    for (int32_t id : ids) {
      if (sum > 0 && !(static_cast<double>(sum) < limit)) break;
      last = id;
      sum += weights[static_cast<size_t>(id)];
    }
    keep_to(last);
  }

  void keep_min_p(double share) {
    const double least = std::ldexp(std::min(share, 1.0), kWeightBits);
    for (uint64_t& weight : weights) weight = static_cast<double>(weight) < least ? 0 : weight;
  }

  /// Inverse of the distribution function over the kept tokens by id; `uniform` in [0, 1).
  int32_t draw(double uniform) const {
    const uint64_t sum = total();
    uint64_t left = std::min(sum - 1, static_cast<uint64_t>(uniform * static_cast<double>(sum)));
    int32_t id = 0;
    for (; weights[static_cast<size_t>(id)] <= left; ++id) left -= weights[static_cast<size_t>(id)];
    return id;
  }
};

}  // namespace

int32_t Sampler::choose(const SamplingRow& row, SamplingWorkspace& workspace) const {
  if (options_.repetition_penalty != 1) penalise(row, static_cast<float>(options_.repetition_penalty), workspace.penalised);
  for (int32_t token : row.forbidden) row.logits[token] = -std::numeric_limits<float>::infinity();
  const int32_t first = likeliest(row);
  const float temperature = static_cast<float>(options_.temperature), largest = row.logits[first];
  if (temperature == 0) return first;

  Narrowing narrowing{row.logits, row.vocabulary, workspace.weights, workspace.ids};
  narrowing.weigh(largest, temperature);
  if (options_.top_k > 0 && options_.top_k < row.vocabulary) narrowing.keep_top_k(options_.top_k);
  if (options_.top_p < 1) narrowing.keep_top_p(options_.top_p, largest);
  if (options_.min_p > 0) narrowing.keep_min_p(options_.min_p);
  const std::array<uint32_t, 4> counter{static_cast<uint32_t>(Purpose::sample), sample_, static_cast<uint32_t>(row.position), 0};
  return narrowing.draw(uniform(philox(counter, key_)[0]));
}

}  // namespace sdft
