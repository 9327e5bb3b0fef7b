// Tiles over rows of floats.
#include "kernels/cpu/isa/tile_kernel.h"

namespace sdft::SDFT_ISA {

const TileTable kRowTilesAlong = make_table<WholeRows, true>();
const TileTable kPartialRowTilesAlong = make_table<PartialRows, true>();
const TileTable kRowTilesAcross = make_table<WholeRows, false>();
const TileTable kPartialRowTilesAcross = make_table<PartialRows, false>();

}  // namespace sdft::SDFT_ISA
