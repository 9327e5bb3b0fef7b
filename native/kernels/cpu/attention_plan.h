// What attention has to do, worked out from the segments before the kernels run: which page holds which positions of whom, which query rows make one piece
// of work, and who sums up whose gradients. Plain arrays, so that the kernels need no containers.
#pragma once
#include <cstdint>
#include <vector>

#include "kernels/backend.h"

namespace sdft::cpu {

/// Rows row … row + count of the step go to slots slot … slot + count of a page. Never more than a page.
struct PageRun {
  int32_t page, slot, count;
  int64_t row;
};
struct PageRuns {
  const PageRun* data;
  int64_t count;
};

/// Pages of all kv heads. Within a page of keys: [kv head][panel of P keys][D][P]; of values: [kv head][kPageRows][D]. For the backward pass also values in
/// the form of keys and keys in the form of values. Null: not kept.
struct PageMemory {
  float* keys;
  float* values;
  int64_t key_step, value_step;  // floats from page to page
  float* value_panels;           // backward only, step as keys
  float* key_rows;               // backward only, step as values
};

/// Pages of a cache in half precision, in the same order.
struct HalfPageMemory {
  uint16_t* keys;
  uint16_t* values;
  int64_t key_step, value_step;  // halves from page to page
};

/// Some consecutive rows of one segment: one piece of work for each kv head.
struct QueryBlock {
  int64_t row, count;      // in the step
  int64_t position;        // of the first
  const int32_t* pages;    // of the segment, by position / kPageRows
  int64_t end_key = 0;     // every row sees the keys before it; 0: each row those up to itself
};
struct AttentionTasks {
  const QueryBlock* blocks;
  int64_t count;
  int64_t largest;  // rows of the largest block
};

/// A strip is a block of queries whose gradients of keys and values are gathered apart: of positions [first_key, end_key), kept from float `scratch` on as
/// [kv head][dk | dv][positions][D].
struct Strip {
  QueryBlock queries;
  int64_t first_key, end_key;
  int64_t scratch;
};
/// The rows of one segment take their gradients from these strips, in this order.
struct Gathering {
  int64_t row, count, position;
  const int32_t* strips;
  int64_t strip_count;
};
struct BackwardTasks {
  const Strip* strips;
  int64_t strip_count;
  int64_t scratch_floats;
  const Gathering* gatherings;
  int64_t gathering_count;
};

/// Query rows a block may have: heads that share a kv head stand side by side in one tile, so `rows` tile rows are rows / (H / G) queries.
constexpr int64_t kBlockRows = 56;
/// Rows of a strip. Fixed, because it decides the order of the sums.
constexpr int64_t kStripRows = 256;

/// Pages laid out for rows that are all in the step (no cache): a page wholly inside a parent's rows is the parent's.
struct StepPlan {
  int64_t page_count = 0;
  std::vector<std::vector<int32_t>> pages;  // by segment
  std::vector<PageRun> runs;
  std::vector<QueryBlock> blocks;
  int64_t largest_block = 0;
};
/// What a row sees of its segment: the rows up to itself, or all.
enum class Sight { back, both_ways };
/// Throws Error("segments") where a segment does not continue its parent. Seen both ways, segments have none.
StepPlan plan_step(Segments segments, const AttentionShape& shape, Sight sight);

struct BackwardPlan {
  std::vector<Strip> strips;
  int64_t scratch_floats = 0;
  std::vector<std::vector<int32_t>> strips_of;  // by segment
  std::vector<Gathering> gatherings;
};
/// Points into `step`, which must outlive it.
BackwardPlan plan_backward(Segments segments, const StepPlan& step, const AttentionShape& shape);

/// Queries of cached segments.
std::vector<QueryBlock> plan_queries(Segments segments, const AttentionShape& shape, const std::vector<std::vector<int32_t>>* pages, Sight sight = Sight::back);
/// Where the rows of cached segments go.
std::vector<PageRun> plan_cache_runs(Segments segments);

}  // namespace sdft::cpu
