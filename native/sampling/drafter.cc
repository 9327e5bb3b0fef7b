#include "sampling/drafter.h"

#include <algorithm>
#include <array>
#include <utility>

namespace sdft {

namespace {

/// Counts start as if so many tokens had been seen, guessed right this often: about what rewrites of short answers show.
constexpr double kPriorCount = 4;
constexpr std::array kReferencePrior{0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9}, kOwnPrior{0.0, 0.3, 0.6, 0.65, 0.75, 0.8, 0.85, 0.85, 0.9};
/// Longest agreement looked for.
constexpr int64_t kLongestMatch = 16;
/// Most places of a list that are looked at: of a frequent token the latest.
constexpr int kMostPlaces = 64;

/// How many tokens before text[place] are those before sequence[end].
int64_t agreement(const std::vector<int32_t>& text, int64_t place, const std::vector<int32_t>& sequence, int64_t end, int64_t most) {
  int64_t count = 0;
  while (count < most && text[static_cast<size_t>(place - 1 - count)] == sequence[static_cast<size_t>(end - 1 - count)]) ++count;
  return count;
}

struct Candidate {
  double odds;  // that the answer reaches and takes this token
  size_t source;
};

}  // namespace

DraftOdds::DraftOdds() {
  static_assert(kReferencePrior.size() == kLongest + 1 && kOwnPrior.size() == kLongest + 1);
  for (const auto text : {DraftSupport::Text::reference, DraftSupport::Text::own}) {
    Counts& counts = counts_[static_cast<size_t>(text)];
    const auto& prior = text == DraftSupport::Text::own ? kOwnPrior : kReferencePrior;
    counts.all.fill(kPriorCount);
    std::transform(prior.begin(), prior.end(), counts.right.begin(), [](double share) { return kPriorCount * share; });
  }
}

double DraftOdds::of(const DraftSupport& support) const {
  const Counts& counts = counts_[static_cast<size_t>(support.text)];
  const auto i = static_cast<size_t>(std::min(support.agreeing, kLongest));
  return counts.right[i] / counts.all[i];
}

void DraftOdds::count(const DraftSupport& support, bool right) {
  Counts& counts = counts_[static_cast<size_t>(support.text)];
  const auto i = static_cast<size_t>(std::min(support.agreeing, kLongest));
  counts.all[i] += 1;
  counts.right[i] += right ? 1 : 0;
}

void TokenPlaces::reserve(size_t tokens) {
  tokens_.reserve(tokens);
  before_.reserve(tokens);
}

void TokenPlaces::append(int32_t token) {
  if (last_.empty()) last_.assign(kClasses, -1);
  int32_t& last = last_[class_of(token)];
  before_.push_back(last);
  last = static_cast<int32_t>(tokens_.size());
  tokens_.push_back(token);
}

Drafter::Drafter(const std::vector<int32_t>& prompt, std::vector<int32_t> reference)
    : reference_(std::move(reference)), prompt_(static_cast<int64_t>(prompt.size())), guesses_(true) {
  own_.reserve(prompt.size());
  for (int32_t token : prompt) own_.append(token);
  if (reference_.empty()) look_up();
  else next_ = 0;
}

int64_t Drafter::available() const {
  if (next_ < 0) return 0;
  return support_.text == Text::own ? kMostDrafted : std::min(kMostDrafted, static_cast<int64_t>(reference_.size()) - next_);
}

int32_t Drafter::guess(int64_t index) const {
  if (support_.text == Text::reference) return reference_[static_cast<size_t>(next_ + index)];
  // Past the end of what is there it goes on as guessed: round and round, as greedy answers do.
  const int64_t left = static_cast<int64_t>(own_.tokens().size()) - next_;
  return own_.tokens()[static_cast<size_t>(next_ + index % left)];
}

void Drafter::follow(int32_t token) {
  if (!guesses_) return;
  const bool right = available() > 0 && guess(0) == token;
  own_.append(token);
  if (!right) return look_up();
  ++next_;
  ++support_.agreeing;
  if (support_.text == Text::reference) reached_ = next_;
}

void Drafter::look_up() {
  const Place reference = look_up_reference(), own = look_up_own();
  const bool in_reference = reference.next >= 0 && reference.agreeing >= own.agreeing;
  support_ = {in_reference ? Text::reference : Text::own, in_reference ? reference.agreeing : own.agreeing};
  next_ = in_reference ? reference.next : own.next;
  if (in_reference) reached_ = next_;
}

/// The place whose tokens before it agree with the longest end of the answer; of several, the first one after where the answer was, else the first of all.
Drafter::Place Drafter::look_up_reference() const {
  const int64_t length = static_cast<int64_t>(reference_.size()), end = static_cast<int64_t>(own_.tokens().size());
  Place best{-1, 0};
  bool ahead = false;
  for (int64_t place = 1; place < length; ++place) {
    const int64_t match = agreement(reference_, place, own_.tokens(), end, std::min({place, end - prompt_, kLongestMatch}));
    if (match == 0) continue;
    const bool better = match > best.agreeing || (match == best.agreeing && !ahead && place > reached_);
    if (!better) continue;
    best = {place, match};
    ahead = place > reached_;
  }
  return best;
}

/// The same in the sequence's own tokens; of several places the latest.
Drafter::Place Drafter::look_up_own() const {
  const std::vector<int32_t>& tokens = own_.tokens();
  const int64_t end = static_cast<int64_t>(tokens.size());
  Place best{-1, 0};
  if (end == 0) return best;
  int32_t last = own_.before(static_cast<int32_t>(end - 1));
  for (int looked = 0; last >= 0 && looked < kMostPlaces; ++looked, last = own_.before(last)) {
    const int64_t place = last + 1, match = agreement(tokens, place, tokens, end, std::min(place, kLongestMatch));
    if (match > best.agreeing) best = {place, match};
  }
  return best;
}

std::vector<int64_t> plan_drafts(const std::vector<DraftSource>& sources, const DraftOdds& odds, DraftMode mode, const StepCost& cost, int64_t room) {
  std::vector<int64_t> drafted(sources.size(), 0);
  if (mode == DraftMode::off) return drafted;
  std::vector<Candidate> candidates;
  for (size_t i = 0; i < sources.size(); ++i) {
    const DraftSource& source = sources[i];
    const int64_t most = std::min({source.most, source.drafter->available(), kMostDrafted});
    DraftSupport support = source.drafter->support();
    double reached = 1;
    for (int64_t k = 0; k < most; ++k, ++support.agreeing) {
      reached *= odds.of(support);
      candidates.push_back({reached, i});
    }
  }
  std::stable_sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) { return a.odds > b.odds; });
  // One more row pays while its odds / what it costs > tokens / cost of the step as it stands, which its prompts are not part of.
  double tokens = static_cast<double>(cost.sequences);
  int64_t rows = cost.sequences;
  for (const Candidate& candidate : candidates) {
    if (room-- <= 0) break;
    const int64_t all = rows + cost.prompt_rows;
    if (mode == DraftMode::automatic && candidate.odds * cost.of(rows) <= tokens * (cost.of(all + 1) - cost.of(all))) break;
    ++drafted[candidate.source];
    tokens += candidate.odds;
    ++rows;
  }
  return drafted;
}

}  // namespace sdft
