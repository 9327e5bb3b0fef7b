#include "kernels/cuda/attention_tables.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "kernels/cpu/attention_plan.h"

namespace sdft::cuda {
namespace {

int64_t pages_of(const Segment& segment) { return (segment.position + segment.length + kPageRows - 1) / kPageRows; }

/// The tables in host memory.
struct HostTables {
  std::vector<int32_t> pages, first_page;  // first_page: by segment
  std::vector<RowPlace> rows;
  std::vector<StoredRun> runs;
  std::vector<QueryTile> tiles;
  std::vector<KeyTile> key_tiles;
  std::vector<Seer> seers;
};

void add_runs(HostTables& tables, const std::vector<cpu::PageRun>& runs) {
  for (const cpu::PageRun& run : runs) tables.runs.push_back({run.page, run.slot, run.count, static_cast<int32_t>(run.row)});
}

void add_rows_and_tiles(HostTables& tables, Segments segments, int64_t rows, int64_t group, KeysFrom keys) {
  tables.rows.assign(static_cast<size_t>(rows), RowPlace{-1, 0});
  const int64_t most = kTileRows / group;
  for (int64_t s = 0; s < segments.count; ++s) {
    const Segment& segment = segments.data[s];
    if (segment.seen_only) continue;
    const int32_t first = tables.first_page[static_cast<size_t>(s)];
    for (int64_t i = 0; i < segment.length; ++i)
      tables.rows[static_cast<size_t>(segment.start + i)] = {
          static_cast<int32_t>(segment.position + (keys == KeysFrom::whole_segment ? segment.length - 1 : i)), first};
    for (int64_t at = 0; at < segment.length; at += most)
      tables.tiles.push_back({static_cast<int32_t>(segment.start + at), static_cast<int32_t>(std::min(most, segment.length - at)),
                              static_cast<int32_t>(segment.position + at), first});
  }
  // The longest first, so that the device does not end with one of them.
  std::stable_sort(tables.tiles.begin(), tables.tiles.end(),
                   [](const QueryTile& a, const QueryTile& b) { return a.position + a.count > b.position + b.count; });
}

/// A segment's keys are seen by itself and by the segments that come from it, in their order.
void add_key_tiles(HostTables& tables, Segments segments) {
  std::vector<std::vector<Seer>> seers(static_cast<size_t>(segments.count));
  for (int64_t s = 0; s < segments.count; ++s) {
    const Segment& segment = segments.data[s];
    if (segment.seen_only) continue;
    for (int64_t seen = s; seen >= 0; seen = segments.data[seen].parent)
      seers[static_cast<size_t>(seen)].push_back(
          {static_cast<int32_t>(segment.start), static_cast<int32_t>(segment.length), static_cast<int32_t>(segment.position)});
  }
  for (int64_t s = 0; s < segments.count; ++s) {
    const Segment& segment = segments.data[s];
    const auto first = static_cast<int32_t>(tables.seers.size()), count = static_cast<int32_t>(seers[static_cast<size_t>(s)].size());
    tables.seers.insert(tables.seers.end(), seers[static_cast<size_t>(s)].begin(), seers[static_cast<size_t>(s)].end());
    for (int64_t at = 0; at < segment.length; at += kKeyRows)
      tables.key_tiles.push_back({static_cast<int32_t>(segment.start + at), static_cast<int32_t>(std::min<int64_t>(kKeyRows, segment.length - at)),
                                  static_cast<int32_t>(segment.position + at), first, count});
  }
}

/// Lays vectors out one after the other in one piece of device memory.
class Layout {
 public:
  template <class Element>
  int64_t add(const std::vector<Element>& values) {
    const int64_t at = round_up(static_cast<int64_t>(bytes_.size()), 16);
    bytes_.resize(static_cast<size_t>(at) + values.size() * sizeof(Element));
    if (!values.empty()) std::memcpy(bytes_.data() + at, values.data(), values.size() * sizeof(Element));
    return at;
  }
  const std::vector<char>& bytes() const { return bytes_; }

 private:
  std::vector<char> bytes_;
};

}  // namespace

bool AttentionPlanner::same(Segments segments, int64_t rows, const AttentionShape& shape, KeysFrom keys) const {
  if (!known_ || keys != keys_ || rows != rows_ || shape.query_heads / shape.kv_heads != group_) return false;
  if (static_cast<int64_t>(segments_.size()) != segments.count) return false;
  size_t at = 0;
  for (int64_t s = 0; s < segments.count; ++s) {
    const Segment &a = segments_[static_cast<size_t>(s)], &b = segments.data[s];
    if (a.parent != b.parent || a.start != b.start || a.length != b.length || a.position != b.position || a.seen_only != b.seen_only) return false;
    if (keys != KeysFrom::cache) continue;
    const auto count = static_cast<size_t>(pages_of(b));
    if (at + count > pages_.size() || !std::equal(b.pages, b.pages + count, pages_.begin() + static_cast<int64_t>(at))) return false;
    at += count;
  }
  return true;
}

const AttentionTables& AttentionPlanner::plan(Segments segments, int64_t rows, const AttentionShape& shape, KeysFrom keys, Scratch& scratch, Staging& staging) {
  if (same(segments, rows, shape, keys)) return tables_;
  known_ = false;
  HostTables host;
  int64_t page_count = 0;
  if (keys != KeysFrom::cache) {
    const cpu::StepPlan step = cpu::plan_step(segments, shape, cpu::Sight::back);
    for (const std::vector<int32_t>& pages : step.pages) {
      host.first_page.push_back(static_cast<int32_t>(host.pages.size()));
      host.pages.insert(host.pages.end(), pages.begin(), pages.end());
    }
    add_runs(host, step.runs);
    page_count = step.page_count;
  } else {
    for (int64_t s = 0; s < segments.count; ++s) {
      const Segment& segment = segments.data[s];
      host.first_page.push_back(static_cast<int32_t>(host.pages.size()));
      host.pages.insert(host.pages.end(), segment.pages, segment.pages + pages_of(segment));
    }
    add_runs(host, cpu::plan_cache_runs(segments));
  }
  group_ = shape.query_heads / shape.kv_heads;
  add_rows_and_tiles(host, segments, rows, group_, keys);
  if (keys == KeysFrom::step) add_key_tiles(host, segments);

  Layout layout;
  // Pages last: in a decoding step they alone grow, and the addresses of the others stay.
  const int64_t places = layout.add(host.rows), runs = layout.add(host.runs), tiles = layout.add(host.tiles), key_tiles = layout.add(host.key_tiles),
                seers = layout.add(host.seers), pages = layout.add(host.pages);
  const auto bytes = static_cast<int64_t>(layout.bytes().size());
  char* device = scratch.take<char>(Scratch::tables, bytes);
  staging.upload(device, layout.bytes().data(), bytes);
  int64_t longest = 0;
  for (const QueryTile& tile : host.tiles) longest = std::max<int64_t>(longest, tile.position + tile.count);
  tables_ = {reinterpret_cast<const int32_t*>(device + pages),
             reinterpret_cast<const RowPlace*>(device + places),
             reinterpret_cast<const StoredRun*>(device + runs),
             reinterpret_cast<const QueryTile*>(device + tiles),
             reinterpret_cast<const KeyTile*>(device + key_tiles),
             reinterpret_cast<const Seer*>(device + seers),
             rows,
             static_cast<int64_t>(host.runs.size()),
             static_cast<int64_t>(host.tiles.size()),
             static_cast<int64_t>(host.key_tiles.size()),
             page_count,
             round_up(longest, kSplitKeys)};
  segments_.assign(segments.data, segments.data + segments.count);
  pages_ = keys == KeysFrom::cache ? host.pages : std::vector<int32_t>{};
  rows_ = rows;
  keys_ = keys;
  known_ = true;
  return tables_;
}

}  // namespace sdft::cuda
