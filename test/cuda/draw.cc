// Tokens drawn on the device against the host's sampler: the same logits, options and random words give the same token, whatever the order of threads.
#include <algorithm>
#include <cmath>
#include <limits>

#include "base/hash.h"
#include "checking/check.h"
#include "emulated.h"
#include "kernels/drawing.h"
#include "sampling/sampler.h"

namespace sdft::test {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

struct Rows {
  int64_t vocabulary;
  std::vector<float> logits;
  std::vector<TokenDraw> draws;
};

std::vector<int32_t> on_device(Backend& backend, const Rows& rows, const SamplingOptions& options) {
  const checking::Guarded logits(backend, static_cast<int64_t>(rows.draws.size()), rows.vocabulary, rows.logits, 3);
  std::vector<int32_t> tokens;
  backend.draw_tokens(tokens, logits, rows.draws, options);
  logits.values("logits");  // nothing around them was written
  return tokens;
}

std::vector<int32_t> on_host(const Rows& rows, const SamplingOptions& options) {
  SamplingWorkspace workspace;
  std::vector<float> logits = rows.logits;
  std::vector<int32_t> tokens;
  for (size_t i = 0; i < rows.draws.size(); ++i) {
    const TokenDraw& draw = rows.draws[i];
    const SamplingRow row{logits.data() + static_cast<int64_t>(i) * rows.vocabulary, rows.vocabulary, draw.seen, draw.forbidden, draw.position};
    tokens.push_back(Sampler(options, draw.key, draw.sample).choose(row, workspace));
  }
  return tokens;
}

/// Three rows of one call; `round` decides everything.
Rows make_rows(uint64_t round, int64_t vocabulary) {
  Rows rows{vocabulary, random_floats(3 * vocabulary, round, round % 2 ? 12.0f : 1.0f), {}};
  if (round % 3 == 0)
    for (float& logit : rows.logits) logit = std::round(logit * 2) / 2;  // many ties, zeros of both signs
  if (round % 7 == 0) std::fill(rows.logits.begin(), rows.logits.begin() + vocabulary, -0.5f);
  for (uint32_t i = 0; i < 3; ++i) {
    TokenDraw draw{philox_key(round, fnv1a64(std::to_string(round))), i, static_cast<int64_t>(round), {}, {}};
    draw.seen = random_integers(20, round + i, static_cast<int32_t>(vocabulary));
    if (i > 0 && vocabulary > 2) draw.forbidden = {static_cast<int32_t>(round) % static_cast<int32_t>(vocabulary), 0, 0};
    rows.draws.push_back(draw);
  }
  return rows;
}

void compare(uint64_t first, uint64_t rounds, const Schedule& schedule) {
  const int64_t sizes[] = {1, 2, 17, 300, 1300};
  const int64_t top_ks[] = {0, 1, 2, 40, 299, 1200, 100000};
  const double top_ps[] = {1, 0.95, 0.5, 1e-9, 0.9999}, min_ps[] = {0, 0.05, 1, 1e-4}, temperatures[] = {1, 0.6, 0.05, 3, 0, 1e37}, penalties[] = {1, 1.3};
  emulator::settings = schedule.settings;
  const std::unique_ptr<Backend> backend = emulated_backend();
  for (uint64_t round = first; round < first + rounds; ++round) {
    const std::vector<int32_t> pick = random_integers(6, 1000 + round, 1 << 20);
    const SamplingOptions options{temperatures[pick[0] % 6], top_ks[pick[1] % 7], top_ps[pick[2] % 5], min_ps[pick[3] % 4], penalties[pick[4] % 2]};
    const Rows rows = make_rows(round, sizes[pick[5] % 5]);
    const std::vector<int32_t> expected = on_host(rows, options), drawn = on_device(*backend, rows, options);
    for (size_t i = 0; i < expected.size(); ++i)
      if (drawn[i] != expected[i])
        fail(std::string(schedule.name) + ", round " + std::to_string(round) + ", row " + std::to_string(i) + ": expected token " + std::to_string(expected[i]) + ", came " + std::to_string(drawn[i]));
  }
}

CASE("cuda draw.has the host's tokens, first to last") { compare(0, 30, schedules()[0]); }
CASE("cuda draw.has the host's tokens, last to first, lazy stream") { compare(60, 20, schedules()[1]); }
CASE("cuda draw.has the host's tokens, threads at random") { compare(120, 3, schedules()[2]); }

/// For ThreadSanitizer: a penalty, top-k and top-p over few logits, tokens forbidden twice.
CASE("cuda draw.small block") {
  for (size_t i : {size_t{1}, size_t{2}}) {
    emulator::settings = schedules()[i].settings;
    const Rows rows = make_rows(6, 300);
    const SamplingOptions options{0.8, 40, 0.9, 0.001, 1.3};
    CHECK(on_device(*emulated_backend(), rows, options) == on_host(rows, options));
  }
}

CASE("cuda draw.says what is wrong with logits") {
  emulator::settings = schedules()[2].settings;
  const std::unique_ptr<Backend> backend = emulated_backend();
  Rows rows = make_rows(1, 300);
  rows.logits[7] = std::nanf("");
  for (int64_t i = 0; i < 300; ++i) rows.logits[static_cast<size_t>(300 + i)] = -kInfinity;
  rows.logits[600 + 299] = kInfinity;
  rows.draws[2].forbidden.clear();
  for (double temperature : {0.0, 1.0}) CHECK((on_device(*backend, rows, {temperature, 5, 0.9, 0, 1}) == std::vector<int32_t>{kNotANumber, kNoneAllowed, kInfinite}));
  for (int32_t fault : {kNotANumber, kNoneAllowed, kInfinite}) check_throws("logits", [&] { require_drawn(fault, 300); });
  rows.draws[0].forbidden = {300};
  check_throws("tokens", [&] { on_device(*backend, rows, {}); });
}

}  // namespace
}  // namespace sdft::test
