// Integer tiles for each way that weights are stored as integers.
#include "kernels/cpu/isa/integer_tile.h"

namespace sdft::SDFT_ISA {

const IntegerTileTable kQ4IntegerTiles = make_integer_table<Q4Form>();
const IntegerTileTable kQ8IntegerTiles = make_integer_table<Q8Form>();
const IntegerTileTable kQ8MinimumIntegerTiles = make_integer_table<Q8MinimumForm>();
const IntegerTileTable kQ8HalvesIntegerTiles = make_integer_table<Q8HalvesForm>();

}  // namespace sdft::SDFT_ISA
