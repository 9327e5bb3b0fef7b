// The sampler against a naive one that sorts everything in long double, against the chi-square distribution, and at its edges.
#include "sampling/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <set>

#include "base/hash.h"
#include "harness.h"

namespace sdft::test {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

struct Draw {
  std::vector<float> logits;
  SamplingOptions options;
  std::vector<int32_t> seen, forbidden;
  uint64_t seed = 1;
  std::string id = "row";
  uint32_t sample = 0;
  int64_t position = 0;
};

int32_t choose(const Draw& draw) {
  static SamplingWorkspace workspace;  // shared on purpose: nothing of an earlier row may shine through
  std::vector<float> logits = draw.logits;
  const SamplingRow row{logits.data(), static_cast<int64_t>(logits.size()), draw.seen, draw.forbidden, draw.position};
  return Sampler(draw.options, philox_key(draw.seed, fnv1a64(draw.id)), draw.sample).choose(row, workspace);
}

/// Probabilities as transformers makes them, in long double, with ties ranked by id.
std::vector<long double> naive_probabilities(const Draw& draw) {
  std::vector<float> scores = draw.logits;
  const SamplingOptions& options = draw.options;
  const auto penalty = static_cast<float>(options.repetition_penalty);
  for (int32_t token : std::set<int32_t>(draw.seen.begin(), draw.seen.end()))
    scores[token] = scores[token] < 0 ? scores[token] * penalty : scores[token] / penalty;
  for (int32_t token : draw.forbidden) scores[token] = -kInfinity;
  std::vector<int32_t> order(scores.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) { return scores[a] > scores[b]; });
  if (options.top_k > 0 && options.top_k < static_cast<int64_t>(order.size())) order.resize(options.top_k);
  const auto weight = [&](int32_t token) { return std::exp((static_cast<long double>(scores[token]) - scores[order[0]]) / options.temperature); };
  const auto total = [&] { return std::accumulate(order.begin(), order.end(), 0.0L, [&](long double sum, int32_t token) { return sum + weight(token); }); };
  if (options.top_p < 1) {
    const long double limit = options.top_p * total();
    long double sum = weight(order[0]);
    size_t kept = 1;
    while (kept < order.size() && sum < limit) sum += weight(order[kept++]);
    order.resize(kept);
  }
  if (options.min_p > 0) {
    while (weight(order.back()) < options.min_p) order.pop_back();
  }
  std::vector<long double> probabilities(scores.size(), 0);
  const long double sum = total();
  for (int32_t token : order) probabilities[token] = weight(token) / sum;
  return probabilities;
}

int32_t naive_choose(const Draw& draw) {
  const auto probabilities = naive_probabilities(draw);
  const uint32_t word = philox({0, draw.sample, static_cast<uint32_t>(draw.position), 0}, philox_key(draw.seed, fnv1a64(draw.id)))[0];
  long double left = uniform(word);
  int32_t last = -1;
  for (size_t token = 0; token < probabilities.size(); ++token) {
    if (probabilities[token] == 0) continue;
    last = static_cast<int32_t>(token);
    if (left < probabilities[token]) break;
    left -= probabilities[token];
  }
  return last;
}

CASE("sampler.agrees with a naive sampler") {
  const int64_t sizes[] = {1, 2, 17, 300, 5000};
  const int64_t top_ks[] = {0, 1, 2, 40, 299, 4000, 100000};
  const double top_ps[] = {1, 0.95, 0.5, 1e-9, 0.9999}, min_ps[] = {0, 0.05, 1, 1e-4}, temperatures[] = {1, 0.6, 0.05, 3}, penalties[] = {1, 1.3};
  for (uint64_t round = 0; round < 3000; ++round) {
    const std::vector<int32_t> pick = random_integers(16, 1000 + round, 1 << 20);
    Draw draw;
    draw.logits = random_floats(sizes[pick[0] % 5], round, pick[1] % 2 ? 12.0f : 1.0f);
    if (pick[2] % 3 == 0)
      for (float& logit : draw.logits) logit = std::round(logit * 2) / 2;  // many ties
    draw.options = {temperatures[pick[3] % 4], top_ks[pick[4] % 7], top_ps[pick[5] % 5], min_ps[pick[6] % 4], penalties[pick[7] % 2]};
    draw.seen = random_integers(20, round, static_cast<int32_t>(draw.logits.size()));
    if (pick[8] % 2 && draw.logits.size() > 2) draw.forbidden = {pick[9] % static_cast<int32_t>(draw.logits.size()), 0};
    draw.id = "row " + std::to_string(round);
    draw.sample = static_cast<uint32_t>(pick[10] % 3);
    draw.position = pick[11] % 100;
    const int32_t expected = naive_choose(draw), chosen = choose(draw);
    if (chosen != expected) fail("round " + std::to_string(round) + ": expected token " + std::to_string(expected) + ", came " + std::to_string(chosen));
  }
}

CASE("sampler.draws follow the distribution") {
  const SamplingOptions cases[] = {{1, 0, 1, 0, 1}, {0.7, 4, 1, 0, 1}, {1.5, 0, 0.8, 0, 1}, {1, 0, 1, 0.2, 1}, {1, 5, 0.9, 0.1, 1.2}};
  for (const SamplingOptions& options : cases) {
    Draw draw;
    draw.logits = {1.5f, -0.5f, 0.25f, 2.0f, -3.0f, 0.0f, 1.0f, 2.0f};
    draw.options = options;
    draw.seen = {3, 3, 1};
    constexpr int kDraws = 40000;
    std::vector<int> counts(draw.logits.size());
    for (int i = 0; i < kDraws; ++i) {
      draw.id = std::to_string(i % 100);
      draw.sample = static_cast<uint32_t>(i / 100 % 4);
      draw.position = i / 400;
      ++counts[choose(draw)];
    }
    const auto probabilities = naive_probabilities(draw);
    double chi_square = 0;
    for (size_t token = 0; token < counts.size(); ++token) {
      const double expected = static_cast<double>(probabilities[token]) * kDraws;
      if (expected == 0) CHECK(counts[token] == 0);
      else chi_square += (counts[token] - expected) * (counts[token] - expected) / expected;
    }
    CHECK(chi_square < 24.3);  // 7 degrees of freedom at most, p = 0.001
  }
}

CASE("sampler.greedy takes the first of the largest") {
  Draw draw;
  draw.logits.assign(100, -2.0f);
  draw.logits[37] = draw.logits[36] = draw.logits[99] = 1.0f;
  CHECK(choose(draw) == 36);
  draw.forbidden = {36};
  CHECK(choose(draw) == 37);
  draw.forbidden = {};
  draw.options.repetition_penalty = 2;
  draw.seen = {36, 36, 37};  // halved once, not twice
  CHECK(choose(draw) == 99);
  draw.logits[99] = 0.4f;
  CHECK(choose(draw) == 36);
  draw.options = {1e-60, 0, 1, 0, 1};  // a temperature below the least float
  CHECK(choose(draw) == 36);
  draw.seen = {};
  draw.logits = {-0.0f, 0.0f};
  CHECK(choose(draw) == 0);
}

CASE("sampler.filters keep at least one token") {
  Draw draw;
  draw.logits = random_floats(1000, 5, 3.0f);
  const auto best = static_cast<int32_t>(std::max_element(draw.logits.begin(), draw.logits.end()) - draw.logits.begin());
  const SamplingOptions narrow[] = {{2, 1, 1, 0, 1}, {2, 0, 1e-12, 0, 1}, {2, 0, 0, 0, 1}, {2, 0, 1, 1, 1}};
  for (const SamplingOptions& options : narrow) {
    draw.options = options;
    for (draw.position = 0; draw.position < 50; ++draw.position) CHECK(choose(draw) == best);
  }
}

CASE("sampler.forbidden tokens are never drawn") {
  Draw draw;
  draw.logits = {5, 5, 5, 5};
  draw.options.temperature = 1;
  draw.options.top_k = 3;
  draw.forbidden = {0, 2};
  std::map<int32_t, int> counts;
  for (draw.position = 0; draw.position < 200; ++draw.position) ++counts[choose(draw)];
  CHECK(counts.size() == 2 && counts[1] > 60 && counts[3] > 60);
}

CASE("sampler.words depend on seed, id, sample and position") {
  Draw draw;
  draw.logits.assign(1 << 16, 0.0f);
  draw.options.temperature = 1;
  const int32_t first = choose(draw);
  CHECK(choose(draw) == first);
  Draw other = draw;
  other.seed = 2;
  CHECK(choose(other) != first);
  other = draw;
  other.id = "row2";
  CHECK(choose(other) != first);
  other = draw;
  other.sample = 1;
  CHECK(choose(other) != first);
  other = draw;
  other.position = 1;
  CHECK(choose(other) != first);
}

CASE("sampler.misuse") {
  Draw draw;
  for (double temperature : {0.0, 1.0}) {
    draw.options.temperature = temperature;
    draw.logits.assign(40, 0.0f);
    for (size_t place : {size_t{0}, size_t{20}, size_t{39}}) {
      draw.logits[place] = std::nanf("");
      check_throws("logits", [&] { choose(draw); });
      draw.logits[place] = kInfinity;
      check_throws("logits", [&] { choose(draw); });
      draw.logits[place] = 0;
    }
    draw.logits = {1, 2};
    draw.forbidden = {0, 1};
    check_throws("logits", [&] { choose(draw); });
    for (int32_t outside : {-1, 2}) {
      draw.forbidden = {outside};
      check_throws("tokens", [&] { choose(draw); });
      draw.forbidden = {};
      draw.seen = {outside};
      check_throws("tokens", [&] { choose(draw); });
      draw.seen = {};
    }
  }
}

}  // namespace
}  // namespace sdft::test
