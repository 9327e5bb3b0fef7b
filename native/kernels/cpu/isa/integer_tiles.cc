// Integer tiles for each way that weights are stored as integers.
#include "kernels/cpu/isa/integer_tile.h"

namespace sdft::SDFT_ISA {
namespace {

template <bool kLaid = kLaysOut>
constexpr IntegerTileTable make_laid_table() {
  if constexpr (kLaid) return make_integer_table<LaidQ4Form>();
  return {};
}

}  // namespace

const IntegerTileTable kQ4IntegerTiles = make_integer_table<Q4Form<FloatScales>>();
const IntegerTileTable kQ4NarrowIntegerTiles = make_integer_table<Q4Form<NarrowScales>>();
const IntegerTileTable kLaidQ4IntegerTiles = make_laid_table();
const IntegerTileTable kQ8IntegerTiles = make_integer_table<Q8Form<FloatScales>>();
const IntegerTileTable kQ8NarrowIntegerTiles = make_integer_table<Q8Form<NarrowScales>>();
const IntegerTileTable kQ8MinimumIntegerTiles = make_integer_table<Q8MinimumForm>();
const IntegerTileTable kQ8HalvesIntegerTiles = make_integer_table<Q8HalvesForm>();

}  // namespace sdft::SDFT_ISA
