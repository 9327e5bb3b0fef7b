// How a tile is computed, for each way that B is stored. Included by the files that fill the tables.
#pragma once
#include "kernels/cpu/isa/tile.h"

namespace sdft::SDFT_ISA {
namespace {

/// How many ks ahead rows are asked for.
constexpr int64_t kRowsAhead = 64;

/// What follows is addressed from here: the compiler would hold an address for every value.
__attribute__((always_inline)) inline void hold_one_address(const float*& from) { asm("" : "+r"(from)); }

/// sums[i][j] += a(i) · b(j), where load_b(j) is vector j. What there is less of, values of a or vectors of b, is held in registers and the other loaded one by
/// one: twelve sums leave room for three and one. kApart: cpu::broadcasts_apart.
template <int MR, int NV, bool kAlongK, bool kApart = true, class Load>
__attribute__((always_inline)) inline void multiply_add(Vec (&sums)[MR][NV], const Load& load_b, const float* a, int64_t a_step) {
  const auto value = [&](int i) { return broadcast(kAlongK ? a[i * a_step] : a[i]); };
  if constexpr (MR < NV) {
    Vec x[MR];
    SDFT_UNROLL for (int i = 0; i < MR; ++i) x[i] = value(i);
    SDFT_UNROLL for (int j = 0; j < NV; ++j) {
      const Vec w = load_b(j);
      SDFT_UNROLL for (int i = 0; i < MR; ++i) accumulate(sums[i][j], x[i], w);
    }
  } else {
    Vec w[NV];
    SDFT_UNROLL for (int j = 0; j < NV; ++j) w[j] = load_b(j);
    SDFT_UNROLL for (int i = 0; i < MR; ++i) {
      if constexpr (NV <= 2 && !kAlongK && !kApart) {
        SDFT_UNROLL for (int j = 0; j < NV; ++j) accumulate_scaled(sums[i][j], w[j], a[i]);
      } else {
        const Vec x = value(i);
        SDFT_UNROLL for (int j = 0; j < NV; ++j) accumulate(sums[i][j], x, w[j]);
      }
    }
  }
}

/// Walks k and multiplies; one specialisation for each way that B is stored, which says whether it asks for memory. kAsks: in the loop.
template <bool kApart, bool kAsks = true>
struct F32Panels {
  static constexpr bool kHalves = false, kMany = true, kAsksFor = true;

  template <int MR, int NV, bool kAlongK>
  __attribute__((always_inline)) static void step(Vec (&sums)[MR][NV], const float* a, int64_t a_step, const char* b, int64_t b_step) {
    multiply_add<MR, NV, kAlongK, kApart>(sums, [&](int j) { return load(reinterpret_cast<const float*>(b + j / 2 * b_step) + j % 2 * kLanes); }, a, a_step);
  }

  template <int MR, int NV, bool kAlongK>
  __attribute__((always_inline)) static void run(Vec (&sums)[MR][NV], const Tile& t, int64_t begin, int64_t end, Fetch& fetch) {
    static_assert(NV % 2 == 0, "panels are two vectors wide");
    const int64_t a_step = kAlongK ? t.a_row : MR, a_next = kAlongK ? 1 : MR;
    const float* a = t.a + begin * a_next;
    const char* b = t.b + begin * kPanel * 4;
    int64_t k = begin;
    for (; k + kFetchStep <= end; k += kFetchStep) {
      if constexpr (kAsks) fetch.next();
      // Rows side by side are one stream, longer than the first-level cache.
      if constexpr (!kAlongK && !kAsksLess) ask_for(a + kRowsAhead * a_step, kFetchStep * MR);
      if constexpr (!kAlongK) hold_one_address(a);
      SDFT_UNROLL for (int i = 0; i < kFetchStep; ++i) step<MR, NV, kAlongK>(sums, a + i * a_next, a_step, b + i * kPanel * 4, t.b_step);
      a += kFetchStep * a_next;
      b += kFetchStep * kPanel * 4;
    }
    for (; k < end; ++k, a += a_next, b += kPanel * 4) step<MR, NV, kAlongK>(sums, a, a_step, b, t.b_step);
  }
};

struct Bf16Panels {
  static constexpr bool kHalves = false, kMany = true, kAsksFor = false;
  template <int MR, int NV, bool kAlongK>
  __attribute__((always_inline)) static void run(Vec (&sums)[MR][NV], const Tile& t, int64_t begin, int64_t end, Fetch&) {
    const int64_t a_step = kAlongK ? t.a_row : t.a_k;
    const float* a = t.a + begin * t.a_k;
    const char* b = t.b + begin * kPanel * 2;
    const int64_t step = t.b_step;
#pragma GCC unroll 4
    for (int64_t k = begin; k < end; ++k) {
      Vec w[NV];
      SDFT_UNROLL for (int p = 0; p < NV / 2; ++p) {
        const WordVec pairs = load_words(reinterpret_cast<const uint32_t*>(b + p * step));
        w[2 * p] = bits_to_float(pairs << 16);
        w[2 * p + 1] = bits_to_float(pairs & 0xFFFF0000u);
      }
      multiply_add<MR, NV, kAlongK>(sums, [&](int j) { return w[j]; }, a, a_step);
      a += kAlongK ? 1 : a_step;
      b += kPanel * 2;
    }
  }
};

template <class Scales>
struct Q4Panels {
  static constexpr bool kHalves = false, kMany = true, kAsksFor = false;
  template <int MR, int NV, bool kAlongK>
  __attribute__((always_inline)) static void run(Vec (&sums)[MR][NV], const Tile& t, int64_t begin, int64_t end, Fetch&) {
    const int64_t a_step = kAlongK ? t.a_row : t.a_k;
    const float* a = t.a + begin * t.a_k;
    const int64_t step = t.b_step;
    for (int64_t group = begin / cpu::kGroup; group < end / cpu::kGroup; ++group) {
      constexpr int64_t kScaleBytes = 2 * kPanel * Scales::kBytes;
      const char* block = t.b + group * (kScaleBytes + kPanel * 16);
      for (int r = 0; r < 4; ++r) {
        WordVec words[NV];
        Vec scale[NV], minimum[NV];
        SDFT_UNROLL for (int j = 0; j < NV; ++j) {
          const char* part = block + (j / 2) * step;
          scale[j] = Scales::at(part, j % 2 * kLanes);
          minimum[j] = Scales::at(part, j % 2 * kLanes + kPanel);
          words[j] = load_words(reinterpret_cast<const uint32_t*>(part + kScaleBytes) + r * kPanel + j % 2 * kLanes);
        }
        for (int i = 0; i < 8; ++i) {
          Vec w[NV];
          SDFT_UNROLL for (int j = 0; j < NV; ++j) {
            w[j] = fma(low_nibble(words[j]), scale[j], minimum[j]);
            words[j] >>= 4;
          }
          multiply_add<MR, NV, kAlongK>(sums, [&](int j) { return w[j]; }, a, a_step);
          a += kAlongK ? 1 : a_step;
        }
      }
    }
  }
};

template <class Scales>
struct Q8Panels {
  static constexpr bool kHalves = false, kMany = true, kAsksFor = false;
  template <int MR, int NV, bool kAlongK>
  __attribute__((always_inline)) static void run(Vec (&sums)[MR][NV], const Tile& t, int64_t begin, int64_t end, Fetch&) {
    const int64_t a_step = kAlongK ? t.a_row : t.a_k;
    const float* a = t.a + begin * t.a_k;
    const int64_t step = t.b_step;
    for (int64_t group = begin / cpu::kGroup; group < end / cpu::kGroup; ++group) {
      constexpr int64_t kScaleBytes = kPanel * Scales::kBytes;
      const char* block = t.b + group * (kScaleBytes + kPanel * 32);
      Vec scale[NV], minimum[NV];
      SDFT_UNROLL for (int j = 0; j < NV; ++j) {
        scale[j] = Scales::at(block + (j / 2) * step, j % 2 * kLanes);
        minimum[j] = scale[j] * broadcast(-128.0f);
      }
      for (int r = 0; r < 8; ++r) {
        WordVec words[NV];
        SDFT_UNROLL for (int j = 0; j < NV; ++j)
          words[j] = load_words(reinterpret_cast<const uint32_t*>(block + (j / 2) * step + kScaleBytes) + r * kPanel + (j % 2) * kLanes);
        for (int i = 0; i < 4; ++i) {
          Vec w[NV];
          SDFT_UNROLL for (int j = 0; j < NV; ++j) {
            w[j] = fma(low_byte(words[j]), scale[j], minimum[j]);  // exact
            words[j] >>= 8;
          }
          multiply_add<MR, NV, kAlongK>(sums, [&](int j) { return w[j]; }, a, a_step);
          a += kAlongK ? 1 : a_step;
        }
      }
    }
  }
};

/// B as it stands in memory: rows of floats. Not whole: fewer columns than NV · kLanes, read under a mask.
template <bool kWhole, bool kApart>
struct RowsOf {
  static constexpr bool kHalves = true, kMany = kWhole, kAsksFor = false;
  template <int MR, int NV, bool kAlongK>
  __attribute__((always_inline)) static void run(Vec (&sums)[MR][NV], const Tile& t, int64_t begin, int64_t end, Fetch&) {
    const int64_t a_step = kAlongK ? t.a_row : t.a_k;
    const float* a = t.a + begin * t.a_k;
    const float* b = reinterpret_cast<const float*>(t.b) + begin * t.b_step;
    int lanes[NV];
    SDFT_UNROLL for (int j = 0; j < NV; ++j) lanes[j] = lanes_of(t.columns, j);
#pragma GCC unroll 4
    for (int64_t k = begin; k < end; ++k) {
      if constexpr (!kAlongK) hold_one_address(a);
      multiply_add<MR, NV, kAlongK, kApart>(sums, [&](int j) { return kWhole ? load(b + j * kLanes) : load_first(b + j * kLanes, lanes[j]); }, a, a_step);
      a += kAlongK ? 1 : a_step;
      b += t.b_step;
    }
  }
};
template <bool kApart>
using WholeRows = RowsOf<true, kApart>;
template <bool kApart>
using PartialRows = RowsOf<false, kApart>;

/// Whole: all columns of the tile are valid, so nothing is masked.
template <int MR, int NV, bool kWhole>
__attribute__((always_inline)) inline void finish_sums(Vec (&sums)[MR][NV], const Tile& t) {
  const Vec scale = broadcast(t.scale);
  SDFT_UNROLL for (int j = 0; j < NV; ++j) {
    const int lanes = kWhole ? kLanes : lanes_of(t.columns, j);
    const Vec bias = t.bias == nullptr ? Vec{} : kWhole ? load(t.bias + j * kLanes) : load_first(t.bias + j * kLanes, lanes);
    SDFT_UNROLL for (int i = 0; i < MR; ++i) {
      float* out = t.out + i * t.out_row + j * kLanes;
      Vec value = sums[i][j] * scale;
      if (t.bias != nullptr) value += bias;
      if (t.finish == Finish::add) value += kWhole ? load(out) : load_first(out, lanes);
      if (kWhole)
        store(out, value);
      else
        store_first(out, value, lanes);
    }
  }
}

/// What tiles of floats in panels ask for while they run: first what they write (all at once it would hold up what is read), then what comes next. Where tiles ask less
/// what they write is asked for here: in the loop it costs more than it holds up, and not asked for at all its stores wait.
template <int MR, int NV>
inline Fetch begin_asking(const Tile& t, const Fetch& nothing) {
  const Fetch* ahead = t.fetch != nullptr ? t.fetch : &nothing;
  if constexpr (kAsksLess) {
    SDFT_UNROLL for (int i = 0; i < MR; ++i) {
      SDFT_UNROLL for (int64_t column = 0; column < NV * kLanes; column += kLineBytes / 4) __builtin_prefetch(t.out + i * t.out_row + column, 1);
    }
    return *ahead;
  } else {
    Fetch fetch(reinterpret_cast<const char*>(t.out), parts(t.columns * 4, kLineBytes), t.out_row * 4);
    fetch.pieces = MR;
    fetch.then = ahead;
    return fetch;
  }
}

/// Sums in memory, rows `step` floats apart; no rows apart: the same for all.
struct StoredSums {
  const float* data;
  int64_t step;

  template <int MR, int NV>
  __attribute__((always_inline)) void load_into(Vec (&sums)[MR][NV]) const {
    SDFT_UNROLL for (int i = 0; i < MR; ++i) SDFT_UNROLL for (int j = 0; j < NV; ++j) sums[i][j] = load(data + i * step + j * kLanes);
  }
  /// The earlier sum first.
  template <int MR, int NV>
  __attribute__((always_inline)) void add_to(Vec (&sums)[MR][NV]) const {
    SDFT_UNROLL for (int i = 0; i < MR; ++i) SDFT_UNROLL for (int j = 0; j < NV; ++j) sums[i][j] = load(data + i * step + j * kLanes) + sums[i][j];
  }
};

/// Sums begin from memory, zeros too, and every run by the same path: where paths meet the compiler moves all of them from register to register.
template <int MR, int NV, bool kAlongK, class Matrix>
__attribute__((noinline)) void run_tile(const Tile& t) {
  constexpr int kColumns = NV * kLanes;
  alignas(64) static constexpr float kZeros[kColumns] = {};
  constexpr StoredSums zeros{kZeros, 0};
  alignas(64) float memory[MR * kColumns];
  const bool whole = t.columns == kColumns;
  StoredSums before{t.start, t.start_row};
  if (t.start != nullptr && !whole) {
    for (int i = 0; i < MR; ++i)
      for (int j = 0; j < NV; ++j) store(memory + i * kColumns + j * kLanes, load_first(t.start + i * t.start_row + j * kLanes, lanes_of(t.columns, j)));
    before = {memory, kColumns};
  }
  const bool one_run = t.run == kOneRun;
  const StoredSums first = one_run && t.start != nullptr ? before : zeros;
  if (one_run) before.data = nullptr;
  const Fetch nothing(reinterpret_cast<const char*>(t.out), 1, 0);  // the same line again and again
  Fetch fetch = Matrix::kAsksFor ? begin_asking<MR, NV>(t, nothing) : nothing;
  Vec sums[MR][NV];
  for (int64_t begin = t.begin;;) {
    const int64_t end = t.end - begin > t.run ? begin + t.run : t.end;
    first.load_into(sums);
    Matrix::template run<MR, NV, kAlongK>(sums, t, begin, end, fetch);
    if (before.data != nullptr) before.add_to(sums);
    if (end == t.end) break;
    SDFT_UNROLL for (int i = 0; i < MR; ++i) SDFT_UNROLL for (int j = 0; j < NV; ++j) store(memory + i * kColumns + j * kLanes, sums[i][j]);
    before = {memory, kColumns};
    begin = end;
  }
  if (t.fetch != nullptr && fetch.then == nullptr) *t.fetch = fetch;
  if (whole)
    finish_sums<MR, NV, true>(sums, t);
  else
    finish_sums<MR, NV, false>(sums, t);
}

template <int MR, int NV, bool kAlongK, class Matrix>
constexpr TileFunction tile_function(Matrix) {
  return run_tile<MR, NV, kAlongK, Matrix>;
}
/// Where tiles ask less, those that ask for nothing next have no asking in their loop.
template <int MR, int NV, bool kAlongK, bool kApart>
constexpr TileFunction tile_function(F32Panels<kApart, true>) {
  constexpr TileFunction asking = run_tile<MR, NV, kAlongK, F32Panels<kApart, true>>;
  if constexpr (kAsksLess) return [](const Tile& t) { (t.fetch == nullptr ? run_tile<MR, NV, kAlongK, F32Panels<kApart, false>> : asking)(t); };
  return asking;
}

template <class Matrix, bool kAlongK, int MR = 1>
constexpr void fill_table(TileTable& table) {
  if constexpr (Matrix::kHalves) table.half[MR - 1] = tile_function<MR, 1, kAlongK>(Matrix());
  table.one[MR - 1] = tile_function<MR, 2, kAlongK>(Matrix());
  if constexpr (Matrix::kMany) table.many[MR - 1] = tile_function<MR, 2 * panels_at_once(MR), kAlongK>(Matrix());
  if constexpr (MR < kTileRows) fill_table<Matrix, kAlongK, MR + 1>(table);
}

template <class Matrix, bool kAlongK>
constexpr TileTable make_table() {
  TileTable table{};
  fill_table<Matrix, kAlongK>(table);
  return table;
}

/// Rows side by side, both ways where they differ: for cpu::broadcasts_apart to choose.
template <template <bool> class Matrix>
constexpr TilesAcross make_tables_across() {
#if defined(SDFT_ISA_AVX512)
  return {make_table<Matrix<false>, false>(), make_table<Matrix<true>, false>()};
#else
  return {make_table<Matrix<true>, false>()};
#endif
}

}  // namespace
}  // namespace sdft::SDFT_ISA
