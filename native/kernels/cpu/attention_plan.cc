#include "kernels/cpu/attention_plan.h"

#include <algorithm>
#include <string>

#include "base/error.h"

namespace sdft::cpu {
namespace {

/// Cuts rows that stand at consecutive positions at the borders of pages.
void add_runs(std::vector<PageRun>& runs, const int32_t* pages, int64_t row, int64_t position, int64_t count) {
  while (count > 0) {
    const int64_t slot = position % kPageRows, run = std::min(count, kPageRows - slot);
    runs.push_back({pages[position / kPageRows], static_cast<int32_t>(slot), static_cast<int32_t>(run), row});
    row += run;
    position += run;
    count -= run;
  }
}

void check(Segments segments, int64_t index) {
  const Segment& segment = segments.data[index];
  bool right = segment.length > 0 && segment.start >= 0 && segment.parent < index;
  if (right && segment.parent < 0) right = segment.position == 0;
  if (right && segment.parent >= 0) right = segments.data[segment.parent].position + segments.data[segment.parent].length == segment.position;
  require(right, "segments",
          "Expected segment " + std::to_string(index) + " to start at position 0 or to continue an earlier segment, but it has parent " +
              std::to_string(segment.parent) + ", position " + std::to_string(segment.position) + ", length " + std::to_string(segment.length));
}

}  // namespace

std::vector<QueryBlock> plan_queries(Segments segments, const AttentionShape& shape, const std::vector<std::vector<int32_t>>* pages, Sight sight) {
  const int64_t most = std::max<int64_t>(1, kBlockRows / (shape.query_heads / shape.kv_heads));
  std::vector<QueryBlock> blocks;
  for (int64_t s = 0; s < segments.count; ++s) {
    const Segment& segment = segments.data[s];
    if (segment.seen_only) continue;
    const int32_t* own = pages != nullptr ? (*pages)[static_cast<size_t>(s)].data() : segment.pages;
    for (int64_t first = 0; first < segment.length; first += most)
      blocks.push_back({segment.start + first, std::min(most, segment.length - first), segment.position + first, own,
                        sight == Sight::both_ways ? segment.length : 0});
  }
  // The blocks with the most keys first, so that no thread starts a long one when the others are done.
  const auto end_of = [](const QueryBlock& block) { return block.end_key > 0 ? block.end_key : block.position + block.count; };
  std::stable_sort(blocks.begin(), blocks.end(), [&](const QueryBlock& a, const QueryBlock& b) { return end_of(a) > end_of(b); });
  return blocks;
}

std::vector<PageRun> plan_cache_runs(Segments segments) {
  std::vector<PageRun> runs;
  for (int64_t s = 0; s < segments.count; ++s) {
    const Segment& segment = segments.data[s];
    add_runs(runs, segment.pages, segment.start, segment.position, segment.length);
  }
  return runs;
}

StepPlan plan_step(Segments segments, const AttentionShape& shape, Sight sight) {
  StepPlan plan;
  plan.pages.resize(static_cast<size_t>(segments.count));
  for (int64_t s = 0; s < segments.count; ++s) {
    check(segments, s);
    const Segment& segment = segments.data[s];
    std::vector<int32_t>& pages = plan.pages[static_cast<size_t>(s)];
    const int64_t shared = segment.position / kPageRows;
    if (segment.parent >= 0) pages.assign(plan.pages[static_cast<size_t>(segment.parent)].begin(), plan.pages[static_cast<size_t>(segment.parent)].begin() + shared);
    const int64_t needed = (segment.position + segment.length + kPageRows - 1) / kPageRows;
    while (static_cast<int64_t>(pages.size()) < needed) pages.push_back(static_cast<int32_t>(plan.page_count++));
    add_runs(plan.runs, pages.data(), segment.start, segment.position, segment.length);
    // The first own page may begin with rows of the parents.
    const int64_t from = shared * kPageRows;
    for (int64_t ancestor = segment.parent, end = segment.position; end > from; ancestor = segments.data[ancestor].parent) {
      const Segment& part = segments.data[ancestor];
      const int64_t begin = std::max(from, part.position);
      add_runs(plan.runs, pages.data(), part.start + begin - part.position, begin, end - begin);
      end = begin;
    }
  }
  plan.blocks = plan_queries(segments, shape, &plan.pages, sight);
  for (const QueryBlock& block : plan.blocks) plan.largest_block = std::max(plan.largest_block, block.count);
  return plan;
}

BackwardPlan plan_backward(Segments segments, const StepPlan& step, const AttentionShape& shape) {
  BackwardPlan plan;
  plan.strips_of.resize(static_cast<size_t>(segments.count));
  for (int64_t s = 0; s < segments.count; ++s) {
    const Segment& segment = segments.data[s];
    if (segment.seen_only) continue;
    for (int64_t first = 0; first < segment.length; first += kStripRows) {
      const int64_t count = std::min(kStripRows, segment.length - first), position = segment.position + first;
      Strip strip;
      strip.queries = {segment.start + first, count, position, step.pages[static_cast<size_t>(s)].data()};
      strip.first_key = shape.window > 0 ? std::max<int64_t>(0, position - shape.window + 1) : 0;
      strip.end_key = position + count;
      strip.scratch = plan.scratch_floats;
      plan.scratch_floats += (strip.end_key - strip.first_key) * shape.kv_heads * shape.head_size * 2;
      const auto index = static_cast<int32_t>(plan.strips.size());
      plan.strips.push_back(strip);
      for (int64_t seen = s; seen >= 0; seen = segments.data[seen].parent) plan.strips_of[static_cast<size_t>(seen)].push_back(index);
    }
  }
  for (int64_t s = 0; s < segments.count; ++s) {
    const Segment& segment = segments.data[s];
    const std::vector<int32_t>& strips = plan.strips_of[static_cast<size_t>(s)];
    constexpr int64_t kRows = 64;
    for (int64_t first = 0; first < segment.length; first += kRows)
      plan.gatherings.push_back({segment.start + first, std::min(kRows, segment.length - first), segment.position + first, strips.data(),
                                 static_cast<int64_t>(strips.size())});
  }
  return plan;
}

}  // namespace sdft::cpu
