// Tiles over packed panels.
#include "kernels/cpu/isa/tile_kernel.h"

namespace sdft::SDFT_ISA {

const TileTable kF32Tiles = make_table<F32Panels<true>, true>();
const TilesAcross kF32TilesAcross = make_tables_across<F32Panels>();
const TileTable kBf16Tiles = make_table<Bf16Panels, true>();
const TileTable kQ4Tiles = make_table<Q4Panels<FloatScales>, true>();
const TileTable kQ4NarrowTiles = make_table<Q4Panels<NarrowScales>, true>();
const TileTable kQ8Tiles = make_table<Q8Panels<FloatScales>, true>();
const TileTable kQ8NarrowTiles = make_table<Q8Panels<NarrowScales>, true>();

}  // namespace sdft::SDFT_ISA
