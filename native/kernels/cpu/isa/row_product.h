// Products whose right-hand matrix stands in memory as rows of floats: those of LoRA.
#pragma once
#include "kernels/cpu/isa/panels.h"
#include "kernels/cpu/isa/parallel.h"

namespace sdft::SDFT_ISA {
namespace {

/// out (M, N) (= or +=) scale · A (M, K) · B (K, N).
struct RowProduct {
  float* out;
  int64_t out_row;
  int64_t rows, columns, depth;  // M, N, K
  const float* a;                // element (i, k) at a[i · a_row + k · a_k]; one of them is 1
  int64_t a_row, a_k;
  const float* b;
  int64_t b_row;
  bool padded;  // b may be read up to a multiple of kLanes columns
  Finish finish;
  float scale;
};

/// Columns [column, …) of one tile of rows: as many panels at once as serve, at most `panels`. Returns the columns done.
template <bool kAlongK>
inline int64_t multiply_tile(const RowProduct& p, int64_t row, int64_t rows, int64_t column, int64_t end, int64_t begin_k, int64_t end_k, const float* start,
                             int64_t start_row, float* out, int64_t out_row, Finish finish, float scale) {
  const int64_t left = end - column, at_once = panels_at_once(static_cast<int>(rows)) * kPanel;
  Tile t{p.a + row * p.a_row, p.a_row, p.a_k, reinterpret_cast<const char*>(p.b + column), p.b_row, begin_k, end_k, start, start_row, out, out_row,
         0, finish, scale, nullptr};
  const TileTable& whole = kAlongK ? kRowTilesAlong : kRowTilesAcross.table();
  const TileTable& partial = kAlongK ? kPartialRowTilesAlong : kPartialRowTilesAcross.table();
  const int64_t readable = p.padded ? round_up(left, kLanes) : left;
  if (left >= at_once) {
    t.columns = at_once;
    whole.many[rows - 1](t);
  } else if (left > kLanes) {
    t.columns = smaller(left, kPanel);
    (readable >= kPanel ? whole : partial).one[rows - 1](t);
  } else {
    t.columns = left;
    (readable >= kLanes ? whole : partial).half[rows - 1](t);
  }
  return t.columns;
}

/// For a short sum or few columns: tasks are runs of rows.
template <bool kAlongK>
void multiply_rows(const cpu::Context& context, const RowProduct& p) {
  if (p.rows == 0 || p.columns == 0) return;
  const int64_t tiles = tile_count(p.rows);
  // Some 200,000 multiply-adds a task.
  const int64_t run = larger(1, 200000 / larger(1, p.columns * p.depth * kTileRows));
  context.pool->run(parts(tiles, run), [&](int64_t task, int) {
    for (TileWalk tile(p.rows, tiles, task * run, smaller(tiles, (task + 1) * run)); tile; tile.next()) {
      for (int64_t column = 0; column < p.columns;) {
        float* out = p.out + tile.row * p.out_row + column;
        column += multiply_tile<kAlongK>(p, tile.row, tile.height, column, p.columns, 0, p.depth, nullptr, 0, out, p.out_row, p.finish, p.scale);
      }
    }
  });
}

/// For a long sum over the rows of a step (gradients of a and b; A across: a_row = 1): tasks are runs of columns, and the sum goes on block by block so that
/// what a block reads stays in cache.
inline void multiply_columns(const cpu::Context& context, const RowProduct& p) {
  constexpr int64_t kBlock = 128;
  if (p.rows == 0 || p.columns == 0) return;
  const int64_t tiles = tile_count(p.rows), width = 4 * kPanel;
  context.pool->run(parts(p.columns, width), [&](int64_t task, int) {
    const int64_t first = task * width, end = smaller(p.columns, first + width);
    for (int64_t k = 0; k == 0 || k < p.depth; k += kBlock) {
      for (TileWalk tile(p.rows, tiles); tile; tile.next()) {
        for (int64_t column = first; column < end;) {
          float* out = p.out + tile.row * p.out_row + column;
          column += multiply_tile<false>(p, tile.row, tile.height, column, end, k, smaller(p.depth, k + kBlock), k == 0 ? nullptr : out, p.out_row, out, p.out_row,
                                         Finish::store, 1.0f);
        }
      }
    }
  });
}

}  // namespace
}  // namespace sdft::SDFT_ISA
