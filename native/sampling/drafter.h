// Guesses an answer's next tokens where its last ones stand in a text that it may repeat: the reference answer, or the sequence itself, its prompt and the answer
// so far. How far such a guess holds is learnt from every token drawn, whether it was drafted or not, so that drafting never has to be tried to be judged.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace sdft {

/// What speaks for a guess: the text it is from, and how many tokens before it agree with the sequence's last ones.
struct DraftSupport {
  enum class Text { reference, own };
  Text text;
  int64_t agreeing;
};

/// How often a row's next token was the guessed one, by what spoke for it. One for all rows of a job.
class DraftOdds {
 public:
  DraftOdds();
  double of(const DraftSupport& support) const;
  void count(const DraftSupport& support, bool right);

 private:
  static constexpr int64_t kLongest = 8;  // more agreeing tokens than that count as that many
  struct Counts {
    std::array<double, kLongest + 1> right, all;
  };
  std::array<Counts, 2> counts_;  // by text
};

/// A growing text, and where its tokens stand: for each of some classes of tokens a list through their places, from the last one back.
class TokenPlaces {
 public:
  void reserve(size_t tokens);
  void append(int32_t token);
  const std::vector<int32_t>& tokens() const { return tokens_; }
  /// The place before this one where a token of the same class stands, or -1.
  int32_t before(int32_t place) const { return before_[static_cast<size_t>(place)]; }

 private:
  static constexpr size_t kClasses = 1024;
  static size_t class_of(int32_t token) { return static_cast<uint32_t>(token) % kClasses; }

  std::vector<int32_t> tokens_, before_, last_;
};

/// Most tokens that are drafted for a row in one step.
constexpr int64_t kMostDrafted = 12;

class Drafter {
 public:
  /// Never guesses.
  Drafter() = default;
  /// The reference may be empty: then only the sequence's own tokens are looked through.
  Drafter(const std::vector<int32_t>& prompt, std::vector<int32_t> reference);

  /// How many tokens can be guessed now, up to kMostDrafted.
  int64_t available() const;
  /// The next token (0) and those after it, below available().
  int32_t guess(int64_t index) const;
  /// Of the next token. Where the reference is guessed to begin nothing agrees.
  const DraftSupport& support() const { return support_; }
  /// Takes the token that was drawn, and looks for the place that fits best if the guess was another.
  void follow(int32_t token);

 private:
  using Text = DraftSupport::Text;
  struct Place {
    int64_t next, agreeing;
  };
  void look_up();
  Place look_up_reference() const;
  Place look_up_own() const;

  std::vector<int32_t> reference_;
  TokenPlaces own_;  // prompt and answer
  int64_t prompt_ = 0;
  int64_t next_ = -1;    // of the text: the guess; -1: nothing fits
  int64_t reached_ = 0;  // the last place of the reference that fitted
  DraftSupport support_{Text::reference, 0};
  bool guesses_ = false;
};

enum class DraftMode { automatic, off, on };

/// A row that could draft, and the most tokens it has room for.
struct DraftSource {
  const Drafter* drafter;
  int64_t most;
};

/// What a step costs.
struct StepCost {
  std::function<double(int64_t rows)> of;  // in any unit; neither it nor its growth falls as rows grow
  int64_t sequences;                       // that run; each has one row and gets one token without drafts
  int64_t prompt_rows = 0;                 // beside them in this step
};

/// Tokens to draft for each source, at most `room` in all. Automatic: the likeliest first, while an extra row is expected to bring more tokens than the
/// same time spent on steps without prompts. On: as many as there is room for, up to kMostDrafted each.
std::vector<int64_t> plan_drafts(const std::vector<DraftSource>& sources, const DraftOdds& odds, DraftMode mode, const StepCost& cost, int64_t room);

}  // namespace sdft
