// Tiles over rows of floats.
#include "kernels/cpu/isa/tile_kernel.h"

namespace sdft::SDFT_ISA {

const TileTable kRowTilesAlong = make_table<WholeRows<true>, true>();
const TileTable kPartialRowTilesAlong = make_table<PartialRows<true>, true>();
const TilesAcross kRowTilesAcross = make_tables_across<WholeRows>();
const TilesAcross kPartialRowTilesAcross = make_tables_across<PartialRows>();

}  // namespace sdft::SDFT_ISA
