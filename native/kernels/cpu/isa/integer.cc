// Products in integers: the activations of a row are quantised 32 at a time, then tiles of rows meet the panels' own integers.
#include "kernels/cpu/features.h"
#include "kernels/cpu/isa/integer_tile.h"
#include "kernels/cpu/isa/strips.h"
#include "kernels/cpu/isa/table.h"

namespace sdft::SDFT_ISA {

using cpu::Context;
using cpu::PackedWeight;
using cpu::PanelKind;

namespace {

/// Bytes of quantised rows that a block of rows may take: they stay in the second-level cache while the panels go by.
constexpr int64_t kQuantizedBytes = 384 * 1024;

/// Whether a panel is laid out for so many tiles. Where it fills the first-level cache, rows come from the second and it has to serve more of them.
bool lays_out(PanelKind kind, int64_t blocks, int64_t tiles) {
  constexpr int64_t kCachedBytes = 16 * 1024, kTiles = 3, kUncachedTiles = 8;
  return kLaysOut && cpu::is_q4(kind) && tiles >= (blocks * int64_t{sizeof(LaidBlock)} <= kCachedBytes ? kTiles : kUncachedTiles);
}

struct Scale {
  float inverse, scale;
};

/// The lanes `away` from each, as constants: built lane by lane, the compiler inserts them one after the other each time.
template <int away>
struct Partners {
  int32_t lanes[kLanes];
  constexpr Partners() : lanes() {
    for (int lane = 0; lane < kLanes; ++lane) lanes[lane] = lane ^ away;
  }
};

/// Combines the lanes of v, each with the one half a vector away, a quarter …: every lane is then what all make together.
template <int away = kLanes / 2, class Combine>
inline IntVec over_lanes(IntVec v, const Combine& combine) {
  static constexpr Partners<away> partners;
  IntVec other;
  std::memcpy(&other, partners.lanes, sizeof other);
  v = combine(v, __builtin_shuffle(v, other));
  if constexpr (away > 1) return over_lanes<away / 2>(v, combine);
  return v;
}

/// scale = largest |x| / 127, through the bits, which compare as the numbers do and put NaN above all. A group below 2⁻¹⁰⁰ is zero.
Scale scale_of(const Vec (&x)[32 / kLanes]) {
  const auto larger_of = [](IntVec a, IntVec b) { return a > b ? a : b; };
  IntVec top{};
  for (const Vec& v : x) top = larger_of(reinterpret_cast<IntVec>(v) & 0x7FFFFFFF, top);
  const float largest = reinterpret_cast<Vec>(over_lanes(top, larger_of))[0];
  if (largest < 7.8886e-31f) return {0, 0};
  return {127.0f / largest, largest / 127.0f};
}

int32_t total(IntVec v) {
  return over_lanes(v, [](IntVec a, IntVec b) { return a + b; })[0];
}

/// kNibbles: of eight neighbours first those at even places, then those at odd ones, as the halves of the weights' words hold them.
template <bool kNibbles>
void quantize_group(const float* from, int32_t offset, IntegerGroup& out) {
  constexpr int kVectors = 32 / kLanes;
  Vec x[kVectors];
  SDFT_UNROLL for (int i = 0; i < kVectors; ++i) x[i] = load(from + i * kLanes);
  const Scale scale = scale_of(x);
  // 1.5 · 2²³: adding it leaves the nearest integer, ties to even, in the low bits.
  const Vec magic = broadcast(12582912.0f), inverse = broadcast(scale.inverse);
  IntVec quants[kVectors], halves[2] = {};
  SDFT_UNROLL for (int i = 0; i < kVectors; ++i) {
    quants[i] = reinterpret_cast<IntVec>(x[i] * inverse + magic) - reinterpret_cast<IntVec>(magic);
    halves[i / (kVectors / 2)] += quants[i];
  }
  store_bytes(quants, out.quants);
  if constexpr (kNibbles) {
    typedef int8_t Sixteen __attribute__((vector_size(16)));
    const Sixteen order = {0, 2, 4, 6, 1, 3, 5, 7, 8, 10, 12, 14, 9, 11, 13, 15};
    SDFT_UNROLL for (int half = 0; half < 2; ++half) {
      Sixteen bytes;
      std::memcpy(&bytes, out.quants + 16 * half, sizeof bytes);
      bytes = __builtin_shuffle(bytes, order);
      std::memcpy(out.quants + 16 * half, &bytes, sizeof bytes);
    }
  }
  const int32_t first = total(halves[0]), second = total(halves[1]);
  out.scale = scale.scale;
  out.sum = scale.scale * static_cast<float>(first + second);
  out.offset[0] = -offset * first;
  out.offset[1] = -offset * second;
}

const IntegerTileTable& tiles_of(PanelKind kind) {
  switch (kind) {
    case PanelKind::q4_narrow: return kQ4NarrowIntegerTiles;
    case PanelKind::q8: return kQ8IntegerTiles;
    case PanelKind::q8_narrow: return kQ8NarrowIntegerTiles;
    case PanelKind::q8_minimum: return kQ8MinimumIntegerTiles;
    case PanelKind::q8_halves: return kQ8HalvesIntegerTiles;
    default: return kQ4IntegerTiles;
  }
}

}  // namespace

void linear_integer(const Context& context, const cpu::LinearParts& group, Tensor x) {
  const PanelKind kind = group.parts[0].weight->kind;
  const int64_t rows = x.rows, blocks = x.cols / cpu::kGroup;
  if (rows == 0) return;
  const int64_t tiles = parts(rows, kIntegerRows);
  IntegerGroup* quantized = reinterpret_cast<IntegerGroup*>(context.workspace->shared(7, rows * blocks * int64_t{sizeof(IntegerGroup) / sizeof(float)}));
  const int32_t offset = kind == PanelKind::q8_halves ? 32 : 128;
  const int64_t tiles_a_task = larger(1, 16384 / (x.cols * kIntegerRows));
  context.pool->run(parts(tiles, tiles_a_task), [&](int64_t task, int) {
    for (TileWalk tile(rows, tiles, task * tiles_a_task, smaller(tiles, (task + 1) * tiles_a_task)); tile; tile.next()) {
      for (int64_t i = 0; i < tile.height; ++i) {
        IntegerGroup* to = quantized + tile.row * blocks + i;
        for (int64_t b = 0; b < blocks; ++b)
          (cpu::is_q4(kind) ? quantize_group<true> : quantize_group<false>)(row_of(x, tile.row + i) + b * cpu::kGroup, offset, to[b * tile.height]);
      }
    }
  });

  const IntegerTileTable& table = tiles_of(kind);
  static const bool one_stream = cpu::reads_one_stream();
  const int64_t at_once = one_stream ? 1 : integer_panels_at_once(static_cast<int>(smaller(rows, kIntegerRows)));
  const int64_t row_blocks = parts(tiles, larger(4, kQuantizedBytes / (blocks * int64_t{sizeof(IntegerGroup)} * kIntegerRows)));
  const int64_t strips = strip_count(group, at_once);
  context.pool->run(row_blocks * strips, [&](int64_t task, int worker) {
    const int64_t first_tile = split(tiles, row_blocks, task / strips), end_tile = split(tiles, row_blocks, task / strips + 1);
    const Streams streams = streams_at(group, task % strips, at_once);
    const PackedWeight& weight = *streams.part->weight;
    const Tensor out = streams.part->out;
    const bool laid = lays_out(kind, blocks, end_tile - first_tile);
    auto* laid_out = laid ? reinterpret_cast<LaidBlock*>(context.workspace->local(worker, blocks * int64_t{sizeof(LaidBlock) / sizeof(float)})) : nullptr;
    for (int64_t p = streams.panel; p < streams.end; ++p) {
      const char* panels = weight.panels + p * weight.panel_bytes;
      if (laid) {
        (kind == PanelKind::q4_narrow ? lay_out<NarrowScales> : lay_out<FloatScales>)(panels, blocks, laid_out);
        panels = reinterpret_cast<const char*>(laid_out);
      }
      const IntegerTileTable& functions = laid ? kLaidQ4IntegerTiles : table;
      // Meanwhile the panel that this thread is likely to lay out next is asked for.
      const char* ahead = weight.panels + (p + 1) * weight.panel_bytes;
      const int64_t lines = laid ? parts(weight.panel_bytes, (end_tile - first_tile) * kLineBytes) : 0;
      for (TileWalk tile(rows, tiles, first_tile, end_tile); tile; tile.next()) {
        for (int64_t line = 0; line < lines; ++line, ahead += kLineBytes) __builtin_prefetch(ahead, 0, 2);
        const int64_t row = tile.row;
        (streams.at_once > 1 ? functions.many : functions.one)[tile.height - 1](
            IntegerTile{quantized + row * blocks, blocks, panels, streams.apart * weight.panel_bytes, row_of(out, row) + p * kPanel, out.stride, streams.apart * kPanel,
                        smaller(weight.rows - p * kPanel, streams.at_once * kPanel), bias_of(*streams.part, p * kPanel)});
      }
    }
  });
}

}  // namespace sdft::SDFT_ISA
