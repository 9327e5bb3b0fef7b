// A stand-in for libcuda.so.1 that says it is of the CUDA version in SDFT_TEST_DRIVER (11040: 11.4), or fails with that error where it is negative, and can do nothing
// else.
#include <cstdlib>

extern "C" int cuDriverGetVersion(int* version) {
  const char* said = std::getenv("SDFT_TEST_DRIVER");
  const int number = said != nullptr ? std::atoi(said) : 0;
  if (number < 0) return -number;
  *version = number;
  return 0;
}
