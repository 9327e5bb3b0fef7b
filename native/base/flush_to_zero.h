// Numbers nearer to zero than the least normal float (1.2e-38).
#pragma once

#if defined(__x86_64__) || defined(_M_X64)
#include <xmmintrin.h>
#endif

namespace sdft {

/// While one lives, results of this thread's arithmetic (floats and doubles, vectors and single ones) that are nearer to zero than a normal number become
/// zero. An x86 processor makes such a number, and multiplies by it, in microcode, many times slower: gradients that fade out on their way down a deep model
/// would take most of a training's time. Operands are read as they are, so that the few exact tricks with such numbers (half precision widened by a
/// multiplication) hold.
/// Elsewhere it does nothing: ARM's switch would flush operands as well, and its speed with such numbers has not been measured.
class FlushToZero {
 public:
#if defined(__x86_64__) || defined(_M_X64)
  static constexpr bool kEffective = true;
  FlushToZero() : before_(_mm_getcsr()) { _mm_setcsr(before_ | _MM_FLUSH_ZERO_ON); }
  ~FlushToZero() { _mm_setcsr(before_); }
#else
  static constexpr bool kEffective = false;
  FlushToZero() {}
  ~FlushToZero() {}
#endif
  FlushToZero(const FlushToZero&) = delete;
  FlushToZero& operator=(const FlushToZero&) = delete;

#if defined(__x86_64__) || defined(_M_X64)
 private:
  unsigned before_;
#endif
};

}  // namespace sdft
