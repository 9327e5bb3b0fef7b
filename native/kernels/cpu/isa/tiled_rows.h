// Many rows cut into tiles: the rows of each side by side, which is what tiles across read, or as they stand.
#pragma once
#include "kernels/cpu/isa/panels.h"
#include "kernels/cpu/isa/parallel.h"

namespace sdft::SDFT_ISA {
namespace {

/// How rows are cut into tiles, wherever they lie.
struct RowTiles {
  int64_t rows, tiles, depth;

  int64_t row(int64_t tile) const { return split(rows, tiles, tile); }
  TileWalk walk(int64_t first, int64_t last) const { return {rows, tiles, first, last}; }
};

// What products ask of the three ways that rows can lie:
//   own_floats()                     of a worker's memory that `of` takes
//   of(worker, first, last, memory)  where the rows lie, for a worker that needs tiles [first, last) of them
//   at(rows, row, height, tile)      the tile with its rows: so many, from this one on
//   table()                          of functions that read them

/// Side by side, tile after tile.
struct TiledRows : RowTiles {
  const float* data;

  TiledRows(int64_t row_count, int64_t columns, const float* from) : RowTiles{row_count, tile_count(row_count), columns}, data(from) {}
  static const TileTable& table() { return kF32TilesAcross.table(); }
  static int64_t own_floats() { return 0; }
  const float* of(int, int64_t, int64_t, float*) const { return data; }
  Tile at(const float* from, int64_t row, int64_t height, Tile tile) const {
    tile.a = from + row * depth;
    tile.a_row = 1;
    tile.a_k = height;
    return tile;
  }
};

/// x (rows, cols) in memory of as many floats.
inline TiledRows tile_rows(const cpu::Context& context, const Tensor& x, float* memory) {
  const TiledRows tiled(x.rows, x.cols, memory);
  context.pool->run(tiled.tiles, [&](int64_t tile, int) {
    const int64_t row = tiled.row(tile);
    interleave_rows(row_of(x, row), x.stride, tiled.row(tile + 1) - row, x.cols, memory + row * x.cols);
  });
  return tiled;
}

/// Tiles that are too few to share out who lays them side by side: waiting for another thread, and for what it wrote to come from its core, takes longer than doing all.
constexpr int64_t kFewTiles = 16;
/// Strips that each thread multiplies at least where it does all.
constexpr int64_t kOwnStrips = 4;
/// Whether each thread lays rows out for itself (RowsApart).
inline bool rows_apart(int64_t tiles, int64_t threads) { return threads > 1 && tiles < kFewTiles; }

/// Side by side, but each thread lays them so for itself, when it first needs them: all rows at once, or those that are needed.
struct RowsApart : TiledRows {
  RowsApart(const cpu::Context& context, const Tensor& x, bool all) : TiledRows(x.rows, x.cols, nullptr), x_(x), all_(all) {
    const int64_t bytes = context.pool->threads() * int64_t{sizeof(Laid)};
    laid_ = reinterpret_cast<Laid*>(context.workspace->shared(7, bytes / int64_t{sizeof(float)}));
    std::memset(laid_, 0, static_cast<size_t>(bytes));
  }
  int64_t own_floats() const { return round_up(rows * depth, kLanes); }
  const float* of(int worker, int64_t first, int64_t last, float* memory) const {
    Laid& laid = laid_[worker];
    if (first >= laid.first && last <= laid.last) return memory;
    laid = all_ ? Laid{0, tiles} : Laid{first, last};
    for (TileWalk tile = walk(laid.first, laid.last); tile; tile.next())
      interleave_rows(row_of(x_, tile.row), x_.stride, tile.height, depth, memory + tile.row * depth);
    return memory;
  }

 private:
  struct alignas(64) Laid {
    int64_t first, last;  // tiles
  };
  Tensor x_;
  bool all_;
  Laid* laid_;
};

/// As they stand, each by itself. Only where values are broadcast apart does it matter little how far they are from each other.
struct RowsInPlace : RowTiles {
  Tensor x;

  explicit RowsInPlace(const Tensor& from) : RowTiles{from.rows, tile_count(from.rows), from.cols}, x(from) {}
  /// Rows a multiple of 4 KB apart push each other out of the first-level cache.
  static bool serve(const Tensor& x) {
    static const bool apart = kLanes == 16 && cpu::broadcasts_apart();
    return apart && x.stride % 1024 != 0;
  }
  static const TileTable& table() { return kF32Tiles; }
  static int64_t own_floats() { return 0; }
  const float* of(int, int64_t, int64_t, float*) const { return row_of(x, 0); }
  Tile at(const float* from, int64_t row, int64_t, Tile tile) const {
    tile.a = from + row * x.stride;
    tile.a_row = x.stride;
    tile.a_k = 1;
    return tile;
  }
};

/// Columns of a tile's rows that are made at once: they stay in the first-level cache until they lie side by side.
constexpr int64_t kMadeColumns = 128;

/// Rows that are made on the way and stand nowhere else: make(row, column, count, to) writes so many columns of it to to[j] for each output j,
/// which lies at memory + j · rows · depth.
template <int kOutputs, class Make>
inline void tile_made_rows(const cpu::Context& context, int64_t rows, int64_t depth, float* memory, const Make& make) {
  const int64_t tiles = tile_count(rows);
  context.pool->run(tiles, [&](int64_t tile, int) {
    const int64_t row = split(rows, tiles, tile), height = split(rows, tiles, tile + 1) - row;
    alignas(64) float made[kOutputs][kTileRows * kMadeColumns];
    for (int64_t column = 0; column < depth; column += kMadeColumns) {
      const int64_t count = smaller(kMadeColumns, depth - column);
      for (int64_t i = 0; i < height; ++i) {
        float* to[kOutputs];
        for (int j = 0; j < kOutputs; ++j) to[j] = made[j] + i * kMadeColumns;
        make(row + i, column, count, to);
      }
      for (int j = 0; j < kOutputs; ++j) interleave_rows(made[j], kMadeColumns, height, count, memory + (j * rows + row) * depth + column * height);
    }
  });
}

}  // namespace
}  // namespace sdft::SDFT_ISA
