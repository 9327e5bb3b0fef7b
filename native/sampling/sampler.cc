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

constexpr float kLeastExponent = -87.0f;  // e^−87 is still a normal float, and its weight long zero

/// e^x for x in [−87, 0], to 2 units in the last place. Plain arithmetic: the same bits on every machine
/// (libm's differ), and vectorised by the compiler.
inline float exp_of_negative(float x) {
  constexpr float kRounder = 12582912.0f;  // 1.5 · 2^23: adding it leaves the nearest integer in the low mantissa bits
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

/// x · 2^44 for x in [0, 1], rounded to an integer: adding 2^52 leaves it in the low mantissa bits. (Processors without AVX-512 convert to 64-bit
/// integers one at a time; this takes as many as they add.)
inline uint64_t fixed_point(float x) {
  constexpr double kOne = static_cast<double>(uint64_t{1} << kWeightBits), kRounder = 4503599627370496.0;
  const double shifted = static_cast<double>(x) * kOne + kRounder;
  uint64_t bits;
  std::memcpy(&bits, &shifted, sizeof bits);
  return bits - 0x4330000000000000ull;
}

void check_ids(const std::vector<int32_t>& tokens, int64_t vocabulary) {
  for (int32_t token : tokens) {
    require(token >= 0 && token < vocabulary, "tokens",
            "Expected token ids below " + std::to_string(vocabulary) + " but received " + std::to_string(token));
  }
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

/// What any processor takes at once. Written out, because compilers do not find it in a loop over floats.
typedef float Four __attribute__((vector_size(16)));
typedef int32_t Flags __attribute__((vector_size(16)));  // all bits of a lane, or none
constexpr int kFours = 4;                                 // so many at a time wait for none before them
constexpr int64_t kScanned = 4 * kFours;

inline Four load_four(const float* p) {
  Four v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

/// The largest of some numbers, and whether none is NaN.
struct Largest {
  float value = -std::numeric_limits<float>::infinity();
  bool ordered = true;

  void take(float x) {
    ordered &= x == x;
    value = x > value ? x : value;
  }
};

Largest largest_of(const float* values, int64_t count) {
  Largest all;
  Four largest[kFours];
  Flags unordered[kFours] = {};
  for (Four& lanes : largest) lanes = Four{} + all.value;
  int64_t i = 0;
  for (; i + kScanned <= count; i += kScanned) {
    for (int j = 0; j < kFours; ++j) {
      const Four x = load_four(values + i + 4 * j);
      unordered[j] |= x != x;
      largest[j] = x > largest[j] ? x : largest[j];
    }
  }
  for (; i < count; ++i) all.take(values[i]);
  for (int j = 0; j < kFours; ++j) {
    for (int lane = 0; lane < 4; ++lane) {
      all.ordered &= unordered[j][lane] == 0;
      all.take(largest[j][lane]);
    }
  }
  return all;
}

/// Where `value` first stands.
int64_t find_first(const float* values, int64_t count, float value) {
  int64_t i = 0;
  for (; i + kScanned <= count; i += kScanned) {
    Flags equal{};
    for (int j = 0; j < kFours; ++j) equal |= load_four(values + i + 4 * j) == Four{} + value;
    int64_t any[2];
    std::memcpy(any, &equal, sizeof any);
    if ((any[0] | any[1]) != 0) break;
  }
  return std::find(values + i, values + count, value) - values;
}

/// The first of the largest logits.
int32_t likeliest(const SamplingRow& row) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const Largest top = largest_of(row.logits, row.vocabulary);
  require_drawn(!top.ordered ? kNotANumber : !(top.value > -kInfinity) ? kNoneAllowed : top.value < kInfinity ? 0 : kInfinite, row.vocabulary);
  return static_cast<int32_t>(find_first(row.logits, row.vocabulary, top.value));
}

/// One row being narrowed down. work.weights[id] = 0: not kept.
struct Narrowing {
  const float* logits;
  int64_t vocabulary;
  SamplingWorkspace& work;

  bool before(int32_t a, int32_t b) const { return logits[a] != logits[b] ? logits[a] > logits[b] : a < b; }

  /// weight = 2^44 · e^((logit − largest) / temperature), rounded. In blocks, and with the clamp in a loop of its own, because only then is it vectorised.
  void weigh(float largest, float temperature) {
    constexpr int64_t kBlock = 512;
    float block[kBlock];
    work.weights.resize(static_cast<size_t>(vocabulary));
    for (int64_t first = 0; first < vocabulary; first += kBlock) {
      const int64_t count = std::min(kBlock, vocabulary - first);
      const float* in = logits + first;
      uint64_t* out = work.weights.data() + first;
      for (int64_t i = 0; i < count; ++i) block[i] = std::max((in[i] - largest) / temperature, kLeastExponent);
      for (int64_t i = 0; i < count; ++i) block[i] = exp_of_negative(block[i]);
      for (int64_t i = 0; i < count; ++i) out[i] = fixed_point(block[i]);
    }
  }

  uint64_t total() const {
    uint64_t sum = 0;
    for (uint64_t weight : work.weights) sum += weight;
    return sum;
  }

  /// Drops every token that ranks behind `last`.
  void keep_to(int32_t last) {
    const float least = logits[last];
    uint64_t* out = work.weights.data();
    for (int64_t i = 0; i <= last; ++i) out[i] = logits[i] >= least ? out[i] : 0;
    for (int64_t i = last + 1; i < vocabulary; ++i) out[i] = logits[i] > least ? out[i] : 0;
  }

  /// Keeps the first `count` (in [1, V)). Collects what beats the count-th best so far, and drops the rest whenever the list has doubled.
  void keep_top_k(int64_t count) {
    const auto order = [this](int32_t a, int32_t b) { return before(a, b); };
    const auto cut = [&] {
      std::nth_element(work.ids.begin(), work.ids.begin() + (count - 1), work.ids.end(), order);
      work.ids.resize(static_cast<size_t>(count));
    };
    work.ids.clear();
    float least = -std::numeric_limits<float>::infinity();
    for (int64_t i = 0; i < vocabulary; ++i) {
      // A later token equal to the least ranks behind it; until the list is first full, `least` is −infinity and a forbidden token may be left out.
      if (!(logits[i] > least)) continue;
      work.ids.push_back(static_cast<int32_t>(i));
      if (static_cast<int64_t>(work.ids.size()) < 2 * count) continue;
      cut();
      least = logits[work.ids.back()];
    }
    if (static_cast<int64_t>(work.ids.size()) < count) return;  // the others are forbidden
    cut();
    keep_to(work.ids.back());
  }

  /// Keeps tokens while those before them hold less than `share` of the weight; always the first. Weights are summed in classes of logits down to the class
  /// in which the limit falls, and only that one is sorted.
  void keep_top_p(double share, float largest, float temperature) {
    constexpr int kClasses = 1024;  // and one more for logits so low that their weights are zero: e^−32 < 2^−45
    const float range = std::min(temperature * 32, std::numeric_limits<float>::max());
    const double limit = share * static_cast<double>(total());
    work.classes.resize(static_cast<size_t>(vocabulary));
    uint16_t* classes = work.classes.data();
    const float* in = logits;
    for (int64_t i = 0, count = vocabulary; i < count; ++i)
      classes[i] = static_cast<uint16_t>(static_cast<int>(std::min((largest - in[i]) / range, 1.0f) * kClasses));
    uint64_t sums[kClasses + 1] = {};
    for (int64_t i = 0; i < vocabulary; ++i) sums[classes[i]] += work.weights[static_cast<size_t>(i)];
    uint64_t sum = 0;
    int border = 0;
    while (border < kClasses && static_cast<double>(sum + sums[border]) < limit) sum += sums[border++];
    work.ids.clear();
    for (int64_t i = 0; i < vocabulary; ++i)
      if (classes[i] == border) work.ids.push_back(static_cast<int32_t>(i));
    if (work.ids.empty()) return;  // rounding put the limit above the whole sum
    std::sort(work.ids.begin(), work.ids.end(), [this](int32_t a, int32_t b) { return before(a, b); });
    int32_t last = work.ids.front();
    for (int32_t id : work.ids) {
      if (!(static_cast<double>(sum) < limit)) break;
      last = id;
      sum += work.weights[static_cast<size_t>(id)];
    }
    keep_to(last);
  }

  void keep_min_p(double share) {
    const double least = std::ldexp(std::min(share, 1.0), kWeightBits);
    for (uint64_t& weight : work.weights) weight = static_cast<double>(weight) < least ? 0 : weight;
  }

  /// Inverse of the distribution function over the kept tokens by id; `uniform` in [0, 1).
  int32_t draw(double uniform) const {
    const uint64_t sum = total();
    uint64_t left = std::min(sum - 1, static_cast<uint64_t>(uniform * static_cast<double>(sum)));
    int32_t id = 0;
    for (; work.weights[static_cast<size_t>(id)] <= left; ++id) left -= work.weights[static_cast<size_t>(id)];
    return id;
  }
};

}  // namespace

int32_t require_drawn(int32_t drawn, int64_t vocabulary) {
  require(drawn != kNotANumber, "logits", "Expected numbers as logits but one is NaN: the weights are damaged or the arithmetic overflowed");
  require(drawn != kNoneAllowed, "logits", "Expected at least one allowed token but all " + std::to_string(vocabulary) + " are forbidden");
  require(drawn != kInfinite, "logits", "Expected finite logits but one is infinite: the arithmetic overflowed");
  return drawn;
}

int32_t Sampler::choose(const SamplingRow& row, SamplingWorkspace& workspace) const {
  check_ids(row.forbidden, row.vocabulary);
  check_ids(row.seen, row.vocabulary);
  if (options_.repetition_penalty != 1) penalise(row, static_cast<float>(options_.repetition_penalty), workspace.penalised);
  for (int32_t token : row.forbidden) row.logits[token] = -std::numeric_limits<float>::infinity();
  const int32_t first = likeliest(row);
  const float temperature = static_cast<float>(options_.temperature), largest = row.logits[first];
  if (temperature == 0) return first;

  Narrowing narrowing{row.logits, row.vocabulary, workspace};
  narrowing.weigh(largest, temperature);
  if (options_.top_k > 0 && options_.top_k < row.vocabulary) narrowing.keep_top_k(options_.top_k);
  if (options_.top_p < 1) narrowing.keep_top_p(options_.top_p, largest, temperature);
  if (options_.min_p > 0) narrowing.keep_min_p(options_.min_p);
  const std::array<uint32_t, 4> counter{static_cast<uint32_t>(Purpose::sample), sample_, static_cast<uint32_t>(row.position), 0};
  return narrowing.draw(uniform(philox(counter, key_)[0]));
}

}  // namespace sdft
