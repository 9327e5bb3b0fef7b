// Products with frozen weights. A task is a block of rows × a few panels; within it, a panel is used by all rows of the block while it is in cache.
#include "kernels/cpu/features.h"
#include "kernels/cpu/isa/activation.h"
#include "kernels/cpu/isa/strips.h"
#include "kernels/cpu/isa/table.h"
#include "kernels/cpu/isa/tiled_rows.h"

namespace sdft::SDFT_ISA {

using cpu::Context;
using cpu::LinearParts;
using cpu::PackedWeight;
using cpu::PanelKind;

namespace {

/// Longest run of k in one sum; runs are added up.
constexpr int64_t kRun = 256;
/// What is summed along at once (a whole number of runs): a strip of it stays in the second-level cache for all rows, beside the rows and what is asked for ahead. The
/// last chunk takes along what is no longer than a run, for which another one would not pay.
constexpr int64_t kChunk = kStripColumns > 32 ? 512 : 2048, kLongestChunk = kChunk + kRun;
inline int64_t chunk_end(int64_t begin, int64_t depth) { return depth - begin <= kLongestChunk ? depth : begin + kChunk; }
/// Outputs whose gradients are taken at once, for all of dx, where dx can hold the unfinished sums: what each of its strips reads then stays in cache.
constexpr int64_t kOutputsAtOnce = 4096;
/// Bytes of a chunk of x that a block of rows may take, and of what a strip of dx sums up: fewer blocks, since weights are turned for each.
constexpr int64_t kBlockBytes = 2048 * 1024, kBlockBytesBackward = 2 * kBlockBytes;
/// Tiles that a thread's own block of rows has at least; more where weights are turned or unpacked for it as well.
constexpr int64_t kOwnTiles = 4, kOwnTilesPrepared = parts(112, kTileRows);

/// Kinds of few files have no tiles of their own.
constexpr bool has_tiles(PanelKind kind) {
  return kind != PanelKind::f16 && kind != PanelKind::q8_minimum && kind != PanelKind::q8_halves;
}

const TileTable& tiles_of(PanelKind kind) {
  switch (kind) {
    case PanelKind::f32: break;
    case PanelKind::bf16: return kBf16Tiles;
    case PanelKind::q4: return kQ4Tiles;
    case PanelKind::q4_narrow: return kQ4NarrowTiles;
    case PanelKind::q8: return kQ8Tiles;
    case PanelKind::q8_narrow: return kQ8NarrowTiles;
    case PanelKind::f16:
    case PanelKind::q8_minimum:
    case PanelKind::q8_halves: break;  // unpacked first
  }
  return kF32Tiles;
}

/// out = x · panelᵀ + bias of no more rows than one tile, as the panel is stored or unpacked chunk by chunk.
void multiply_panel(const Context& context, int worker, const LinearParts::Part& part, Tensor x, int64_t panel) {
  const PackedWeight& weight = *part.weight;
  const char* from = weight.panels + panel * weight.panel_bytes;
  const int64_t column = panel * kPanel;
  float* to = row_of(part.out, 0) + column;
  Tile tile{row_of(x, 0), x.stride, 1, from, weight.panel_bytes, 0, weight.cols, nullptr, 0, to,
            part.out.stride, smaller(weight.rows - column, kPanel), Finish::store, 1.0f, bias_of(part, column), kRun};
  if (has_tiles(weight.kind)) return tiles_of(weight.kind).one[x.rows - 1](tile);
  float* scratch = context.workspace->local(worker, kLongestChunk * kPanel);
  for (int64_t begin = 0; begin < weight.cols; begin = tile.end) {
    tile.begin = begin;
    tile.end = chunk_end(begin, weight.cols);
    unpack(weight.kind, from, begin, tile.end, scratch);
    tile.b = reinterpret_cast<const char*>(scratch) - begin * kPanel * int64_t{sizeof(float)};
    tile.start = begin == 0 ? nullptr : to;
    tile.start_row = tile.out_row;
    tile.bias = tile.end == weight.cols ? bias_of(part, column) : nullptr;
    kF32Tiles.one[x.rows - 1](tile);
  }
}

/// The same of one panel of each stream. The tile writes side by side what goes far apart.
void multiply_streams(const Context& context, int worker, const Streams& streams, Tensor x, int64_t panel) {
  const PackedWeight& weight = *streams.part->weight;
  const int64_t columns = streams.at_once * kPanel;
  float* out = context.workspace->local(worker, (x.rows + 1) * columns);
  float* bias = streams.part->bias ? out + x.rows * columns : nullptr;
  const auto column_of = [&](int64_t stream) { return (panel + stream * streams.apart) * kPanel; };
  for (int64_t i = 0; bias && i < streams.at_once; ++i) std::memcpy(bias + i * kPanel, bias_of(*streams.part, column_of(i)), kPanel * sizeof(float));
  tiles_of(weight.kind).many[x.rows - 1](Tile{row_of(x, 0), x.stride, 1, weight.panels + panel * weight.panel_bytes, streams.apart * weight.panel_bytes, 0, weight.cols,
                                              nullptr, 0, out, columns, columns, Finish::store, 1.0f, bias, kRun});
  for (int64_t r = 0; r < x.rows; ++r)
    for (int64_t i = 0; i < streams.at_once; ++i)
      std::memcpy(row_of(streams.part->out, r) + column_of(i), out + r * columns + i * kPanel, kPanel * sizeof(float));
}

/// No more rows than one tile: panels are read as they are stored, several at once, also so that there are enough sums in flight. What is unpacked on the way holds up
/// few rows more than that does.
void linear_low(const Context& context, const LinearParts& group, Tensor x) {
  static const bool one_stream = cpu::reads_one_stream();
  const int64_t at_once = one_stream && x.rows <= 3 && has_quants(group.parts[0].weight->kind) ? 1 : panels_at_once(static_cast<int>(x.rows));
  context.pool->run(strip_count(group, at_once), [&](int64_t task, int worker) {
    const Streams streams = streams_at(group, task, at_once);
    for (int64_t panel = streams.panel; panel < streams.end; ++panel) {
      if (streams.at_once > 1 && has_tiles(streams.part->weight->kind)) {
        multiply_streams(context, worker, streams, x, panel);
        continue;
      }
      for (int64_t i = 0; i < streams.at_once; ++i) multiply_panel(context, worker, *streams.part, x, panel + i * streams.apart);
    }
  });
}

/// What this thread is likely to need next, asked for while the last tiles run (sooner, the rows would push it out again).
struct Ahead {
  Fetch fetch;
  int64_t tiles;  // that it takes to ask for all
  int64_t more;   // lines that all tiles together are too short to ask for

  Ahead(const char* from, int64_t bytes, int64_t pieces, int64_t step, int64_t depth, int64_t tile_count) : fetch(from, parts(bytes, kLineBytes), step) {
    constexpr int64_t kOutLines = kAsksLess ? 0 : kTileRows * kPanel * 4 / kLineBytes;  // each asks for these first
    const int64_t lines = pieces * fetch.lines, a_tile = kStripPanels * (depth / kFetchStep - kOutLines);
    tiles = parts(lines, larger(1, a_tile));
    more = larger(0, lines - tile_count * larger(0, a_tile));
  }
  /// Of what the tiles are too short for, the share of one with so many left after it.
  void catch_up(int64_t left) {
    for (const int64_t keep = more * left / (left + 1); more > keep; --more) fetch.next();
  }
  /// For the tile with so many left after it.
  Fetch* at(int64_t left) { return left < tiles ? &fetch : nullptr; }
};

/// The strip's next inputs or, after its last, those of the strip that a thread takes next.
Ahead ahead_of(const PackedWeight& weight, int64_t panel, int64_t begin, int64_t end, int64_t tiles) {
  const bool within = end < weight.cols;
  const int64_t total = parts(weight.rows, kPanel), next = within ? panel : smaller(panel + kStripPanels, total - 1);
  const int64_t from = within ? end : 0, inputs = chunk_end(from, weight.cols) - from;
  const char* first = weight.panels + next * weight.panel_bytes + from * weight.panel_bytes / weight.cols;
  return {first, inputs * weight.panel_bytes / weight.cols, smaller(kStripPanels, total - next), weight.panel_bytes, end - begin, tiles};
}

/// Blocks of at least so many tiles, of each of which a chunk takes no more bytes: every strip reads it anew.
inline int64_t cached_blocks(const RowTiles& rows, int64_t bytes, int64_t least) {
  return parts(rows.tiles, larger(least, bytes / (smaller(rows.depth, kLongestChunk) * 4 * kTileRows)));
}

/// In so many blocks at least: panels are unpacked to floats where they are stored otherwise, and used by a block of rows that stays in cache.
template <class Rows>
void multiply_tiled(const Context& context, const LinearParts& group, const Rows& tiled, int64_t blocks) {
  const int64_t depth = tiled.depth;
  const int64_t threads = context.pool->threads(), cached = cached_blocks(tiled, kBlockBytes, kOwnTiles);
  const Shares shares(tiled.tiles, round_up(cached, blocks), strip_count(group, kStripPanels), threads);
  context.pool->run(shares.count, [&](int64_t task, int worker) {
    const Shares::Share share = shares.at(task);
    if (share.first == share.last) return;
    const Strip strip = strip_at(group, share.strip, kStripPanels);
    const PackedWeight& weight = *strip.part->weight;
    const Tensor out = strip.part->out;
    const int64_t column = strip.panel * kPanel, columns = smaller(weight.rows - column, kStripColumns);
    float* own = context.workspace->local(worker, tiled.own_floats() + kLongestChunk * kStripColumns);
    float* scratch = own + tiled.own_floats();
    const float* data = tiled.of(worker, share.first, share.last, own);
    for (int64_t begin = 0, end = 0; begin < depth; begin = end) {
      end = chunk_end(begin, depth);
      const FloatPanels panels = strip_of(weight, column, columns, begin, end, scratch);
      Ahead ahead = ahead_of(weight, strip.panel, begin, end, share.last - share.first);
      int64_t left = share.last - share.first;
      for (TileWalk tile = tiled.walk(share.first, share.last); tile; tile.next()) {
        float* to = row_of(out, tile.row) + column;
        ahead.catch_up(--left);
        multiply_panels(Rows::table(), tile.height, panels,
                        tiled.at(data, tile.row, tile.height,
                                 {nullptr, 0, 0, nullptr, 0, begin, end, begin == 0 ? nullptr : to, out.stride, to, out.stride, columns, Finish::store, 1.0f,
                                  end == depth ? bias_of(*strip.part, column) : nullptr, kRun, ahead.at(left)}));
      }
    }
  });
}

/// Products that are added up: dout · weight each, all cut into the same tiles.
template <class Rows, int kCount>
struct BackwardParts {
  struct Part {
    Rows dout;
    const PackedWeight* weight;
    int64_t first = 0;  // output that dout begins with, a multiple of P; dx holds the sums over those before it
  } parts[kCount];
};

/// What is asked for ahead (ahead_of) backwards, of the inputs that a strip takes from `column` on: the part's outputs from `from` on, a multiple of P.
template <class Part>
Ahead ahead_backward(const Part& part, int64_t column, int64_t from, int64_t depth, int64_t tiles) {
  const PackedWeight& weight = *part.weight;
  const int64_t panels = parts(chunk_end(from, part.dout.depth) - from, kPanel);
  // What is stored in groups is read from the group's beginning.
  const int64_t unit = has_quants(weight.kind) ? cpu::kGroup : 1, first = column / unit * unit, last = smaller(weight.cols, round_up(column + kStripColumns, unit));
  const char* piece = weight.panels + (part.first + from) / kPanel * weight.panel_bytes + first * weight.panel_bytes / weight.cols;
  return {piece, (last - first) * weight.panel_bytes / weight.cols, panels, weight.panel_bytes, depth, tiles};
}

/// The strips of the product are columns of dx; its k are the outputs, of one part after the other, a chunk of which is transposed into scratch and used by all rows.
template <class Rows, int kCount>
void multiply_tiled_back(const Context& context, Tensor dx, const BackwardParts<Rows, kCount>& group, Write write) {
  const Rows& rows = group.parts[0].dout;
  const int64_t strips = parts(dx.cols, kStripColumns), threads = context.pool->threads();
  const int64_t cached = cached_blocks(rows, kBlockBytesBackward / kCount, kOwnTilesPrepared);
  const Shares shares(rows.tiles, round_up(cached, own_blocks(rows.tiles, threads, kOwnTilesPrepared)), strips, threads);
  context.pool->run(shares.count, [&](int64_t task, int worker) {
    const auto [strip, first, last] = shares.at(task);
    if (first == last) return;
    const int64_t column = strip * kStripColumns, columns = smaller(dx.cols - column, kStripColumns), base = rows.row(first);
    const bool in_place = write == Write::overwrite || (kCount == 1 && rows.depth <= kLongestChunk);
    float* own = context.workspace->local(worker, rows.own_floats() + kLongestChunk * kStripColumns + (in_place ? 0 : rows.rows * kStripColumns));
    float* scratch = own + rows.own_floats();
    float* sums = scratch + kLongestChunk * kStripColumns;  // where dx cannot hold the unfinished ones
    for (int index = 0; index < kCount; ++index) {
      const auto& [dout, weight, first_output] = group.parts[index];
      const float* data = dout.of(worker, first, last, own);
      const bool last_part = index + 1 == kCount;
      for (int64_t begin = 0, end = 0; begin < dout.depth; begin = end) {
        end = chunk_end(begin, dout.depth);
        const bool started = index > 0 || first_output + begin > 0, whole = end == dout.depth, finished = whole && last_part;
        FloatPanels panels = transposed_strip_of(*weight, column, columns, first_output + begin, first_output + end, scratch);
        panels.first += first_output * kPanel * int64_t{sizeof(float)};  // k counts from there
        // Next come the part's other outputs, the next part's, or the strip that this thread takes next.
        const int64_t next_column = finished ? smaller(column + kStripColumns, (dx.cols - 1) / kStripColumns * kStripColumns) : column;
        Ahead ahead = ahead_backward(group.parts[finished ? 0 : whole ? index + 1 : index], next_column, whole ? 0 : end, end - begin, last - first);
        int64_t left = last - first;
        for (TileWalk tile = dout.walk(first, last); tile; tile.next()) {
          float* to = row_of(dx, tile.row) + column;
          float* partial = in_place ? to : sums + (tile.row - base) * kStripColumns;
          ahead.catch_up(--left);
          const int64_t partial_row = in_place ? dx.stride : kStripColumns;
          multiply_panels(Rows::table(), tile.height, panels,
                          dout.at(data, tile.row, tile.height,
                                  {nullptr, 0, 0, nullptr, 0, begin, end, started ? partial : nullptr, partial_row, finished ? to : partial,
                                   finished ? dx.stride : partial_row, columns, finished && write == Write::add ? Finish::add : Finish::store, 1.0f, nullptr,
                                   kOneRun, ahead.at(left)}));
        }
      }
    }
  });
}

/// Slot 6 of the workspace, which products share.
float* tile_memory(const Context& context, int64_t floats) { return context.workspace->shared(6, floats); }

}  // namespace

void linear(const Context& context, const LinearParts& group, Tensor x) {
  const int64_t threads = context.pool->threads(), tiles = tile_count(x.rows);
  if (x.rows == 0) return;
  if (x.rows <= kTileRows) return linear_low(context, group, x);
  // All rows for some strips or, of many rows or too few strips, a block of rows for all.
  const bool few = rows_apart(tiles, threads), unpacks = group.parts[0].weight->kind != PanelKind::f32;
  const bool shares = (few || (unpacks && tiles < kOwnTilesPrepared * threads)) && strip_count(group, kStripPanels) >= kOwnStrips * threads;
  const int64_t blocks = shares ? 1 : own_blocks(tiles, threads, kOwnTiles);
  if (RowsInPlace::serve(x)) multiply_tiled(context, group, RowsInPlace(x), blocks);
  else if (few) multiply_tiled(context, group, RowsApart(context, x, blocks == 1), blocks);
  else multiply_tiled(context, group, tile_rows(context, x, tile_memory(context, x.rows * x.cols)), blocks);
}

void linear_backward(const Context& context, Tensor dx, Tensor dout, const PackedWeight& weight, Write write) {
  if (dout.rows == 0) return;
  const int64_t threads = context.pool->threads();
  const bool in_place = RowsInPlace::serve(dout), apart = rows_apart(tile_count(dout.rows), threads) && parts(dx.cols, kStripColumns) >= kOwnStrips * threads;
  const int64_t at_once = write == Write::overwrite ? kOutputsAtOnce : dout.cols;
  for (int64_t first = 0; first < dout.cols; first += at_once) {
    const Tensor some{row_of(dout, 0) + first, dout.rows, smaller(at_once, dout.cols - first), dout.stride};
    if (in_place) multiply_tiled_back<RowsInPlace, 1>(context, dx, {{{RowsInPlace(some), &weight, first}}}, write);
    else if (apart) multiply_tiled_back<RowsApart, 1>(context, dx, {{{RowsApart(context, some, true), &weight, first}}}, write);
    else multiply_tiled_back<TiledRows, 1>(context, dx, {{{tile_rows(context, some, tile_memory(context, some.rows * some.cols)), &weight, first}}}, write);
  }
}

// Between an MLP's products its activation is made tile by tile, right where the next product reads it: in memory it would be written and read once more.

void gated_linear(const Context& context, Tensor out, Tensor gate, Tensor up, Activation activation, const PackedWeight& weight, Tensor bias) {
  const int64_t rows = gate.rows, depth = gate.cols;
  if (rows == 0) return;
  float* memory = tile_memory(context, rows * depth);
  tile_made_rows<1>(context, rows, depth, memory, [&](int64_t row, int64_t column, int64_t count, float* const* to) {
    activate(row_of(gate, row) + column, row_of(up, row) + column, count, activation, to[0]);
  });
  multiply_tiled(context, {{{out, &weight, bias}}, 1}, TiledRows(rows, depth, memory), own_blocks(tile_count(rows), context.pool->threads(), kOwnTiles));
}

void gated_linear_backward(const Context& context, Tensor dx, Tensor dproduct, Tensor gate, Tensor up, Activation activation, const PackedWeight& gate_weight,
                           const PackedWeight& up_weight) {
  const int64_t rows = gate.rows, depth = gate.cols;
  if (rows == 0) return;
  float* memory = tile_memory(context, 2 * rows * depth);
  tile_made_rows<2>(context, rows, depth, memory, [&](int64_t row, int64_t column, int64_t count, float* const* to) {
    activate_backward(row_of(dproduct, row) + column, row_of(gate, row) + column, row_of(up, row) + column, count, activation, to[0], to[1]);
  });
  const TiledRows dgate(rows, depth, memory), dup(rows, depth, memory + rows * depth);
  multiply_tiled_back<TiledRows, 2>(context, dx, {{{dgate, &gate_weight}, {dup, &up_weight}}}, Write::overwrite);
}

}  // namespace sdft::SDFT_ISA
