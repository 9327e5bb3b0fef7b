// The matrix unit of Intel's AMX as this folder uses it. Eight registers, each up to 16 rows of 64 bytes: 0 to 3 hold sums, 4 and 5 rows of x, 6 and 7 outputs
// of the weight. A product takes as many cycles as x has rows. The unit takes numbers under 2⁻¹²⁶ as zeros.
#pragma once
#include "kernels/cpu/isa/vector.h"
#include "kernels/cpu/packed_weight.h"

namespace sdft::SDFT_ISA {
namespace {

/// Rows of x in a register, at most; outputs of a register of sums or weights.
constexpr int64_t kUnitRows = 16;
/// Inputs that one product sums along: 32 numbers of 16 bits, a group of 32 bytes, or two digits of such a group.
constexpr int64_t kUnitDepth = 32;
/// Bytes of a register.
constexpr int64_t kUnitBytes = 1024;
static_assert(kPanel == 2 * kUnitRows && kUnitDepth == cpu::kGroup, "a panel is two registers wide, a group of quants one deep");

// Instructions that do nothing, behind those of the unit. Where the core runs somebody else's thread as well, products that follow each other come 17 ns apart, with eight others
// between them 10 (in a block seven do), and loads of registers 11 ns apart, with four between them 7: as if the core, taking six instructions at a time, could not go on from two of these in one lot. On a core
// of our own it is 7 and 3 either way. A block's products with their loads (panel_product.cc): 25 ns each without these, 15 with them. docs/performance.md has how it was taken (Emerald Rapids).
#define SDFT_UNIT_FOUR_IDLE "nop\n\tnop\n\tnop\n\tnop\n\t"
#define SDFT_UNIT_SEVEN_IDLE SDFT_UNIT_FOUR_IDLE "nop\n\tnop\n\tnop\n\t"

/// Owns the unit on this thread. Out of its scope the system has no registers to keep when threads take turns.
class MatrixUnit {
 public:
  /// x: `rows` (1 … 16) of `row_bytes` (64 or 32) bytes.
  MatrixUnit(int64_t rows, int64_t row_bytes) {
    struct alignas(64) Shape {
      uint8_t palette, start_row, reserved[14];
      uint16_t row_bytes[16];
      uint8_t rows[16];
    } shape{};
    static_assert(sizeof(Shape) == 64, "as the instruction reads it");
    shape.palette = 1;
    for (int i = 0; i < 8; ++i) {
      const bool x = i == 4 || i == 5, weight = i >= 6;
      shape.row_bytes[i] = static_cast<uint16_t>(x ? row_bytes : 64);
      shape.rows[i] = static_cast<uint8_t>(weight ? row_bytes / 4 : rows);
    }
    asm volatile("ldtilecfg %0" : : "m"(shape));
  }
  ~MatrixUnit() { asm volatile("tilerelease"); }
  MatrixUnit(const MatrixUnit&) = delete;
  MatrixUnit& operator=(const MatrixUnit&) = delete;

  // Registers by number. The compiler's own intrinsics take no constants for them, and do not say that loading reads memory.
  template <int kRegister>
  static void zero() {
    asm volatile("tilezero %%tmm%c0" : : "i"(kRegister));
  }
  template <int kRegister>
  static void load(const void* from, int64_t row_step = 64) {
    asm volatile("tileloadd (%1,%2,1), %%tmm%c0\n\t" SDFT_UNIT_FOUR_IDLE : : "i"(kRegister), "r"(from), "r"(row_step) : "memory");
  }
  template <int kRegister>
  static void store(void* to, int64_t row_step = 64) {
    asm volatile("tilestored %%tmm%c0, (%1,%2,1)" : : "i"(kRegister), "r"(to), "r"(row_step) : "memory");
  }
  /// sums (rows, 16) += x (rows, 32) · weights (16 pairs, 16), numbers in bfloat16, sums in float.
  template <int kSums, int kX, int kWeights>
  static void multiply() {
    asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0\n\t" SDFT_UNIT_SEVEN_IDLE : : "i"(kSums), "i"(kX), "i"(kWeights));
  }
  /// sums (rows, 16) += x (rows, 32) · weights (8 fours, 16), signed bytes times unsigned ones, sums in 32 bits.
  template <int kSums, int kX, int kWeights>
  static void multiply_bytes() {
    asm volatile("tdpbsud %%tmm%c2, %%tmm%c1, %%tmm%c0\n\t" SDFT_UNIT_SEVEN_IDLE : : "i"(kSums), "i"(kX), "i"(kWeights));
  }
  /// The same of signed bytes times signed ones, 32 or 64 of each.
  template <int kSums, int kX, int kWeights>
  static void multiply_signed_bytes() {
    asm volatile("tdpbssd %%tmm%c2, %%tmm%c1, %%tmm%c0\n\t" SDFT_UNIT_SEVEN_IDLE : : "i"(kSums), "i"(kX), "i"(kWeights));
  }
};

}  // namespace
}  // namespace sdft::SDFT_ISA
