// Guessing from a reference or the sequence itself, and when drafts pay.
#include "sampling/drafter.h"

#include "harness.h"

namespace sdft::test {

namespace {

std::vector<int32_t> guesses(const Drafter& drafter) {
  std::vector<int32_t> all;
  for (int64_t i = 0; i < drafter.available(); ++i) all.push_back(drafter.guess(i));
  return all;
}

std::vector<int32_t> first_six(const Drafter& drafter) {
  std::vector<int32_t> all = guesses(drafter);
  all.resize(6, -1);
  return all;
}

Drafter follow(const std::vector<int32_t>& reference, const std::vector<int32_t>& answer, const std::vector<int32_t>& prompt = {}) {
  Drafter drafter(prompt, reference);
  for (int32_t token : answer) drafter.follow(token);
  return drafter;
}

using Tokens = std::vector<int32_t>;

}  // namespace

CASE("drafter.guesses what follows the place that fits") {
  const Tokens reference{1, 2, 3, 4, 2, 3, 5, 6};
  CHECK(guesses(Drafter({}, reference)) == reference);
  CHECK(guesses(follow(reference, {1, 2})) == (Tokens{3, 4, 2, 3, 5, 6}));
  CHECK(follow(reference, {1, 2}).support().agreeing == 2);
  CHECK(guesses(follow(reference, {9, 2, 3})) == (Tokens{4, 2, 3, 5, 6}));
  CHECK(guesses(follow(reference, {1, 2, 3, 4, 9, 2, 3})) == (Tokens{5, 6}));  // the place ahead of where the answer was
  CHECK(guesses(follow(reference, {9, 4, 2})) == (Tokens{3, 5, 6}));           // two agree, not one
  CHECK(follow(reference, {1, 9}).available() == 0);
  CHECK(follow(reference, reference).available() == 0);
  CHECK(guesses(follow(reference, {7, 7, 5})) == (Tokens{6}));
  CHECK(follow({}, {1, 2}).available() == 0);
}

CASE("drafter.guesses from the prompt and the answer so far") {
  const Tokens prompt{1, 2, 3, 4, 2, 5, 1, 2};
  CHECK(first_six(Drafter(prompt, {})) == (Tokens{3, 4, 2, 5, 1, 2}));               // two agree where it begins, one at 2 5
  CHECK(Drafter(prompt, {}).support().agreeing == 2);
  CHECK(first_six(follow({}, {5}, prompt)) == (Tokens{1, 2, 5, 1, 2, 5}));           // the guess was 3; what follows 2 5, and so on
  CHECK(first_six(follow({}, {5, 1}, prompt)) == (Tokens{2, 5, 1, 2, 5, 1}));        // it came true
  CHECK(follow({}, {5, 1}, prompt).support().agreeing == 3);
  CHECK(follow({}, {9}, prompt).available() == 0);
  CHECK(first_six(follow({}, {9, 8, 7, 9}, prompt)) == (Tokens{8, 7, 9, 8, 7, 9}));  // the answer alone
  CHECK(first_six(follow({}, {4, 6, 4, 7, 4}, prompt)) == (Tokens{7, 4, 7, 4, 7, 4}));  // the latest of places that fit alike
  CHECK(guesses(follow({}, {6, 6}, prompt)) == Tokens(kMostDrafted, 6));
  CHECK(Drafter().available() == 0);
  Drafter off;
  for (int32_t token : {1, 1, 1}) off.follow(token);
  CHECK(off.available() == 0);
}

CASE("drafter.prefers the text that agrees longer, and of equals the reference") {
  const Tokens prompt{1, 2, 3, 9, 1};
  CHECK(guesses(Drafter(prompt, {7, 8})) == (Tokens{7, 8}));  // an answer begins as its reference does
  CHECK(first_six(follow({7, 2, 5}, {2}, prompt)) == (Tokens{3, 9, 1, 2, 3, 9}));
  CHECK(follow({7, 2, 5}, {2}, prompt).support().text == DraftSupport::Text::own);
  CHECK(guesses(follow({7, 2, 5}, {4, 2}, prompt)) == (Tokens{5}));
  CHECK(follow({7, 2, 5}, {4, 2}, prompt).support().text == DraftSupport::Text::reference);
  CHECK(follow({1, 5, 6}, {5}, prompt).support().agreeing == 1);  // the prompt's end is no part of an answer
}

CASE("drafter.finds places among tokens of the same class") {
  Tokens prompt{7, 1};
  for (int32_t i = 1; i <= 60; ++i) prompt.push_back(7 + 1024 * i);  // all in the list of 7
  prompt.push_back(7);
  CHECK(guesses(Drafter(prompt, {})).front() == 1);
  for (int32_t i = 1; i <= 60; ++i) prompt.push_back(7 + 1024 * (60 + i));
  prompt.push_back(7 + 1024);
  CHECK(Drafter(prompt, {}).available() == 0);  // too far back in the list
}

CASE("drafter.learns how far guesses hold") {
  using Text = DraftSupport::Text;
  DraftOdds odds;
  const double before = odds.of({Text::own, 3});
  for (int i = 0; i < 100; ++i) odds.count({Text::own, 3}, i % 10 != 0);
  CHECK(before < odds.of({Text::own, 3}) && odds.of({Text::own, 3}) < 0.95 && odds.of({Text::own, 3}) > 0.85);
  CHECK(odds.of({Text::reference, 3}) == DraftOdds().of({Text::reference, 3}));
  for (int i = 0; i < 100; ++i) odds.count({Text::reference, 1000}, false);
  CHECK(odds.of({Text::reference, 50}) < 0.05);
}

CASE("drafter.drafts where an extra row brings more than it costs") {
  DraftOdds odds;
  for (int i = 0; i < 1000; ++i) {
    for (int64_t agreeing = 0; agreeing <= 8; ++agreeing) odds.count({DraftSupport::Text::reference, agreeing}, i % 10 < 8);
  }
  const Drafter far({}, Tokens(100, 1)), near({}, Tokens{1, 2}), none({}, {});
  const auto plan = [&](const std::vector<DraftSource>& sources, DraftMode mode, double overhead, int64_t sequences, int64_t room) {
    return plan_drafts(sources, odds, mode, {[&](int64_t rows) { return overhead + static_cast<double>(rows); }, sequences}, room);
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
  // Rows that cost nothing up to four, then as much as all before: 0.8 · 4 > 0, …; then 0.41 · 4 < 2.95 · 4.
  const StepCost steps{[](int64_t rows) { return rows <= 4 ? 4.0 : 4.0 * static_cast<double>(rows - 3); }, 1};
  CHECK(plan_drafts({{&far, 100}}, odds, DraftMode::automatic, steps, 100) == (Counts{3}));
  // Beside a prompt's rows none is for nothing: 0.8 · 4 < 1 · 4.
  CHECK(plan_drafts({{&far, 100}}, odds, DraftMode::automatic, {steps.of, 1, 10}, 100) == (Counts{0}));
}

}  // namespace sdft::test
