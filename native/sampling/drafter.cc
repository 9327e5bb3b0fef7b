#include "sampling/drafter.h"

#include <algorithm>

namespace sdft {

namespace {

/// Counts start as if so many tokens had been seen, guessed right this often: about what rewrites of short answers show.
constexpr double kPriorCount = 4, kPriorStart = 0.5, kPriorEach = 0.05;
/// Longest agreement looked for.
constexpr int64_t kLongestMatch = 16;

struct Candidate {
  double odds;  // that the answer reaches and takes this token
  size_t source;
};

}  // namespace

DraftOdds::DraftOdds() {
  all_.fill(kPriorCount);
  for (int64_t i = 0; i <= kLongest; ++i) right_[static_cast<size_t>(i)] = kPriorCount * (kPriorStart + kPriorEach * static_cast<double>(i));
}

double DraftOdds::of(int64_t agreeing) const {
  const auto i = static_cast<size_t>(std::min(agreeing, kLongest));
  return right_[i] / all_[i];
}

void DraftOdds::count(int64_t agreeing, bool right) {
  const auto i = static_cast<size_t>(std::min(agreeing, kLongest));
  all_[i] += 1;
  right_[i] += right ? 1 : 0;
}

void Drafter::follow(int32_t token) {
  if (reference_.empty()) return;
  answer_.push_back(token);
  const bool right = available() > 0 && guess(0) == token;
  if (!right) return look_up();
  reached_ = ++next_;
  ++agreeing_;
}

/// The place whose tokens before it agree with the longest end of the answer; of several, the first one after where the answer was, else the first of all.
void Drafter::look_up() {
  const int64_t length = static_cast<int64_t>(reference_.size()), answered = static_cast<int64_t>(answer_.size());
  next_ = -1;
  agreeing_ = 0;
  bool ahead = false;
  for (int64_t place = 1; place < length; ++place) {
    int64_t match = 0;
    const int64_t most = std::min({place, answered, kLongestMatch});
    while (match < most && reference_[static_cast<size_t>(place - 1 - match)] == answer_[static_cast<size_t>(answered - 1 - match)]) ++match;
    if (match == 0) continue;
    const bool better = match > agreeing_ || (match == agreeing_ && !ahead && place > reached_);
    if (!better) continue;
    next_ = place;
    agreeing_ = match;
    ahead = place > reached_;
  }
  if (next_ > 0) reached_ = next_;
}

std::vector<int64_t> plan_drafts(const std::vector<DraftSource>& sources, const DraftOdds& odds, DraftMode mode, const StepCost& cost, int64_t room) {
  std::vector<int64_t> drafted(sources.size(), 0);
  if (mode == DraftMode::off) return drafted;
  std::vector<Candidate> candidates;
  for (size_t i = 0; i < sources.size(); ++i) {
    const DraftSource& source = sources[i];
    const int64_t most = std::min({source.most, source.drafter->available(), kMostDrafted});
    double reached = 1;
    for (int64_t k = 0; k < most; ++k) {
      reached *= odds.of(source.drafter->agreeing() + k);
      candidates.push_back({reached, i});
    }
  }
  std::stable_sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) { return a.odds > b.odds; });
  // One more row pays while its odds / 1 > tokens / (overhead + rows) of the step as it stands.
  double tokens = static_cast<double>(cost.sequences), rows = tokens;
  for (const Candidate& candidate : candidates) {
    if (room-- <= 0) break;
    if (mode == DraftMode::automatic && candidate.odds * (cost.overhead + rows) <= tokens) break;
    ++drafted[candidate.source];
    tokens += candidate.odds;
    rows += 1;
  }
  return drafted;
}

}  // namespace sdft
