// Guesses an answer's next tokens from a text that it may repeat: the reference answer, where the last tokens of the answer stand in it. How far such a guess
// holds is learnt from every token drawn, whether it was drafted or not, so that drafting never has to be tried to be judged.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace sdft {

/// How often a row's next token was the guessed one, by how many tokens before it agreed with the reference. One for all rows of a job.
class DraftOdds {
 public:
  DraftOdds();
  double of(int64_t agreeing) const;
  void count(int64_t agreeing, bool right);

 private:
  static constexpr int64_t kLongest = 8;  // more agreeing tokens than that count as that many
  std::array<double, kLongest + 1> right_, all_;
};

class Drafter {
 public:
  /// Without a reference it never guesses.
  explicit Drafter(std::vector<int32_t> reference) : reference_(std::move(reference)) {}

  /// How many tokens can be guessed now.
  int64_t available() const { return next_ < 0 ? 0 : static_cast<int64_t>(reference_.size()) - next_; }
  /// The next token (0) and those after it, below available().
  int32_t guess(int64_t index) const { return reference_[static_cast<size_t>(next_ + index)]; }
  /// Tokens before the guess that agree; 0 at the answer's start.
  int64_t agreeing() const { return agreeing_; }
  /// Takes the token that was drawn, and looks for the place that fits the answer best if the guess was another.
  void follow(int32_t token);

 private:
  void look_up();

  std::vector<int32_t> reference_;
  std::vector<int32_t> answer_;
  int64_t next_ = 0;     // of reference_: the guess; −1: nothing fits
  int64_t reached_ = 0;  // the last place that fitted
  int64_t agreeing_ = 0;
};

enum class DraftMode { automatic, off, on };

/// A row that could draft: its reference, and the most tokens it has room for.
struct DraftSource {
  const Drafter* drafter;
  int64_t most;
};

/// What a step costs, in rows: as much as `overhead` rows for reading the weights, and one for each of its rows.
struct StepCost {
  double overhead;
  int64_t sequences;  // that run; each has one row and gets one token without drafts
};

/// Tokens to draft for each source, at most `room` in all. Automatic: the likeliest first, while an extra row is expected to bring more tokens than the
/// same time spent on plain steps. On: as many as there is room for, up to kMostDrafted each.
std::vector<int64_t> plan_drafts(const std::vector<DraftSource>& sources, const DraftOdds& odds, DraftMode mode, const StepCost& cost, int64_t room);

constexpr int64_t kMostDrafted = 12;

}  // namespace sdft
