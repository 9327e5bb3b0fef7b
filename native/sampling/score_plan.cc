#include "sampling/score_plan.h"

#include <algorithm>

namespace sdft {

namespace {

/// Rows that a request needs: nothing is predicted after its last token.
int64_t rows_of(const ScoreRequest& request) { return static_cast<int64_t>(request.tokens.size()) - 1; }

/// First rows that two requests have in common.
int64_t common_rows(const ScoreRequest& a, const ScoreRequest& b) {
  const int64_t most = std::min(rows_of(a), rows_of(b));
  return std::mismatch(a.tokens.begin(), a.tokens.begin() + most, b.tokens.begin()).first - a.tokens.begin();
}

/// Builds one step of sorted requests.
class StepBuilder {
 public:
  StepBuilder(const std::vector<ScoreRequest>& requests, PrefixMode prefixes) : requests_(requests), prefixes_(prefixes) {}

  ScoreStep build(const std::vector<int64_t>& pack) {
    if (prefixes_ == PrefixMode::shared) {
      add(pack, 0, pack.size(), -1, 0);
    } else {
      for (size_t i = 0; i < pack.size(); ++i) add(pack, i, i + 1, -1, 0);
    }
    return std::move(step_);
  }

 private:
  /// Sequences first … last − 1 of the pack share their rows before `position`, the last of which ends segment `parent`.
  void add(const std::vector<int64_t>& pack, size_t first, size_t last, int32_t parent, int64_t position) {
    while (first < last) {
      const ScoreRequest& request = requests_[pack[first]];
      if (rows_of(request) == position) {  // the rows of its parents are all that it needs
        ++first;
        continue;
      }
      size_t group = first + 1;  // those that go on with the same token
      while (group < last && requests_[pack[group]].tokens[position] == request.tokens[position]) ++group;
      // They are sorted, so what the first and the last have in common all have. None ends before that: a shorter one would have been the first.
      const int64_t end = group == first + 1 ? rows_of(request) : common_rows(request, requests_[pack[group - 1]]);
      const auto segment = static_cast<int32_t>(step_.segments.size());
      const auto start = static_cast<int64_t>(step_.tokens.size());
      step_.segments.push_back({parent, start, end - position, position, nullptr});
      step_.tokens.insert(step_.tokens.end(), request.tokens.begin() + position, request.tokens.begin() + end);
      for (int64_t row = position; row < end; ++row) {
        const auto first_pair = static_cast<int64_t>(step_.targets.size());
        for (size_t i = first; i < group; ++i) want(pack[i], row, static_cast<int32_t>(start + row - position), first_pair);
      }
      add(pack, first, group, segment, end);
      first = group;
    }
  }

  /// The token that the request's row `row` is to predict, if it is wanted; pairs of the same row begin at first_pair.
  void want(int64_t index, int64_t row, int32_t step_row, int64_t first_pair) {
    const ScoreRequest& request = requests_[index];
    if (row + 1 < request.from) return;
    const int32_t target = request.tokens[row + 1];
    const auto known = std::find(step_.targets.begin() + first_pair, step_.targets.end(), target);
    step_.scores.push_back({index, row + 1, known - step_.targets.begin()});
    if (known != step_.targets.end()) return;
    step_.wanted.push_back(step_row);
    step_.targets.push_back(target);
  }

  const std::vector<ScoreRequest>& requests_;
  PrefixMode prefixes_;
  ScoreStep step_;
};

}  // namespace

std::vector<ScoreStep> plan_score(const std::vector<ScoreRequest>& requests, int64_t rows, PrefixMode prefixes) {
  std::vector<int64_t> order;
  for (size_t i = 0; i < requests.size(); ++i) {
    if (requests[i].from <= rows_of(requests[i])) order.push_back(static_cast<int64_t>(i));
  }
  const auto before = [&](int64_t a, int64_t b) {
    const ScoreRequest &left = requests[a], &right = requests[b];
    return std::lexicographical_compare(left.tokens.begin(), left.tokens.end() - 1, right.tokens.begin(), right.tokens.end() - 1);
  };
  if (prefixes == PrefixMode::shared) std::stable_sort(order.begin(), order.end(), before);
  std::vector<ScoreStep> steps;
  std::vector<int64_t> pack;
  int64_t packed = 0;
  const auto flush = [&] {
    if (!pack.empty()) steps.push_back(StepBuilder(requests, prefixes).build(pack));
    pack.clear();
    packed = 0;
  };
  for (int64_t index : order) {
    // In sorted order nobody before has more in common with it than the one just before. At least one, for its pairs.
    int64_t added = rows_of(requests[index]);
    if (prefixes == PrefixMode::shared && !pack.empty()) added = std::max<int64_t>(1, added - common_rows(requests[pack.back()], requests[index]));
    if (packed + added > rows) {
      flush();
      added = rows_of(requests[index]);
    }
    pack.push_back(index);
    packed += added;
  }
  flush();
  return steps;
}

}  // namespace sdft
