// Guessing from a reference, and when drafts pay.
#include "sampling/drafter.h"

#include "harness.h"

namespace sdft::test {

namespace {

std::vector<int32_t> guesses(const Drafter& drafter) {
  std::vector<int32_t> all;
  for (int64_t i = 0; i < drafter.available(); ++i) all.push_back(drafter.guess(i));
  return all;
}

Drafter follow(const std::vector<int32_t>& reference, const std::vector<int32_t>& answer) {
  Drafter drafter(reference);
  for (int32_t token : answer) drafter.follow(token);
  return drafter;
}

using Tokens = std::vector<int32_t>;

}  // namespace

CASE("drafter.guesses what follows the place that fits") {
  const Tokens reference{1, 2, 3, 4, 2, 3, 5, 6};
  CHECK(guesses(Drafter(reference)) == reference);
  CHECK(guesses(follow(reference, {1, 2})) == (Tokens{3, 4, 2, 3, 5, 6}));
  CHECK(follow(reference, {1, 2}).agreeing() == 2);
  CHECK(guesses(follow(reference, {9, 2, 3})) == (Tokens{4, 2, 3, 5, 6}));
  CHECK(guesses(follow(reference, {1, 2, 3, 4, 9, 2, 3})) == (Tokens{5, 6}));  // the place ahead of where the answer was
  CHECK(guesses(follow(reference, {9, 4, 2})) == (Tokens{3, 5, 6}));           // two agree, not one
  CHECK(follow(reference, {1, 9}).available() == 0);
  CHECK(follow(reference, reference).available() == 0);
  CHECK(guesses(follow(reference, {7, 7, 5})) == (Tokens{6}));
  CHECK(follow({}, {1, 2}).available() == 0);
}

CASE("drafter.learns how far guesses hold") {
  DraftOdds odds;
  const double before = odds.of(3);
  for (int i = 0; i < 100; ++i) odds.count(3, i % 10 != 0);
  CHECK(before < odds.of(3) && odds.of(3) < 0.95 && odds.of(3) > 0.85);
  for (int i = 0; i < 100; ++i) odds.count(1000, false);
  CHECK(odds.of(50) < 0.05);
}

CASE("drafter.drafts where an extra row brings more than it costs") {
  DraftOdds odds;
  for (int i = 0; i < 1000; ++i) {
    for (int64_t agreeing = 0; agreeing <= 8; ++agreeing) odds.count(agreeing, i % 10 < 8);
  }
  const Drafter far(Tokens(100, 1)), near(Tokens{1, 2}), none(Tokens{});
  const auto plan = [&](const std::vector<DraftSource>& sources, DraftMode mode, double overhead, int64_t sequences, int64_t room) {
    return plan_drafts(sources, odds, mode, {overhead, sequences}, room);
  };
  using Counts = std::vector<int64_t>;
  CHECK(plan({{&far, 100}}, DraftMode::off, 3, 1, 100) == (Counts{0}));
  CHECK(plan({{&far, 100}}, DraftMode::on, 0, 64, 100) == (Counts{kMostDrafted}));
  CHECK(plan({{&far, 5}, {&near, 100}, {&none, 100}}, DraftMode::on, 0, 64, 100) == (Counts{5, 2, 0}));
  CHECK(plan({{&far, 100}}, DraftMode::on, 0, 64, 3) == (Counts{3}));
  CHECK(plan({{&far, 100}}, DraftMode::automatic, 3, 1, -5) == (Counts{0}));
  // One row, 0.8 each: 0.8 · 4 > 1; 0.64 · 5 > 1.8; 0.51 · 6 > 2.44; 0.41 · 7 < 2.95.
  CHECK(plan({{&far, 100}}, DraftMode::automatic, 3, 1, 100) == (Counts{3}));
  CHECK(plan({{&far, 100}}, DraftMode::automatic, 3, 64, 100) == (Counts{0}));  // 0.8 < 64 / 67
  CHECK(plan({{&far, 100}}, DraftMode::automatic, 0, 1, 100) == (Counts{0}));   // rows alone cost
  CHECK(plan({{&far, 100}}, DraftMode::automatic, 1e9, 64, 100) == (Counts{kMostDrafted}));
}

}  // namespace sdft::test
