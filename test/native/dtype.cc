// Stored formats: halves against their definition, every GGUF block against the values that gguf (Python) gives for the same bytes.
#include "base/dtype.h"

#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>

#include "harness.h"

namespace sdft::test {
namespace {

std::vector<float> decode(DType type, const void* data, int64_t count) {
  std::vector<float> out(static_cast<size_t>(count));
  dequantize(type, data, count, out.data());
  return out;
}

std::string read_fixture(const std::string& name) {
  const std::string here = __FILE__;
  std::ifstream file(here.substr(0, here.rfind("native/")) + "fixtures/" + name, std::ios::binary);
  if (!file) fail("expected test/fixtures/" + name);
  return {std::istreambuf_iterator<char>(file), {}};
}

template <class Number>
Number number_at(const std::string& bytes, size_t offset) {
  Number value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

/// Where a GGUF's tensor infos start for this name: length, name, 2 dimensions.
size_t info_of(const std::string& gguf, const std::string& name) {
  const uint64_t length = name.size();
  std::string head(reinterpret_cast<const char*>(&length), 8);
  head += name + std::string("\2\0\0\0", 4);
  const size_t found = gguf.find(head);
  if (found == std::string::npos) fail("types.gguf lacks " + name);
  return found + head.size();
}

CASE("dtype.blocks agree with gguf") {
  const std::string gguf = read_fixture("gguf/types.gguf"), expected = read_fixture("gguf/types.safetensors");
  const size_t infos_end = info_of(gguf, "q6_k") + 16 + 4 + 8, data = (infos_end + 31) / 32 * 32;
  const size_t expected_data = 8 + number_at<uint64_t>(expected, 0);
  for (const char* name : {"f32", "bf16", "f16", "q4_0", "q4_1", "q5_0", "q5_1", "q8_0", "q4_k", "q5_k", "q6_k"}) {
    const size_t info = info_of(gguf, name);
    const auto count = static_cast<int64_t>(number_at<uint64_t>(gguf, info) * number_at<uint64_t>(gguf, info + 8));
    const char* stored = gguf.data() + data + number_at<uint64_t>(gguf, info + 20);
    const std::string mark = '"' + std::string(name) + "\":{\"dtype\":\"F32\",\"shape\":[3,512],\"data_offsets\":[";
    const size_t entry = expected.find(mark);
    CHECK(entry != std::string::npos && count == 3 * 512);
    const size_t offset = expected_data + std::stoull(expected.substr(entry + mark.size(), 20));
    std::vector<float> values(static_cast<size_t>(count));
    std::memcpy(values.data(), expected.data() + offset, values.size() * sizeof(float));
    check_same_bits(name, values, decode(parse_dtype(name), stored, count), 512);
    const std::string moved = "x" + std::string(stored, static_cast<size_t>(stored_bytes(parse_dtype(name), count)));
    check_same_bits(std::string(name) + " unaligned", values, decode(parse_dtype(name), moved.data() + 1, count), 512);
  }
}

CASE("dtype.every half-precision number") {
  for (uint32_t half = 0; half < 65536; ++half) {
    const auto word = static_cast<uint16_t>(half);
    const float value = decode(DType::f16, &word, 1)[0];
    const int exponent = static_cast<int>(half >> 10 & 31), mantissa = static_cast<int>(half & 1023);
    CHECK(std::signbit(value) == (half >> 15 == 1));
    if (exponent == 31 && mantissa != 0) {
      CHECK(std::isnan(value));
    } else {
      const double magnitude = exponent == 31  ? std::numeric_limits<double>::infinity()
                               : exponent == 0 ? std::ldexp(mantissa, -24)
                                               : std::ldexp(1024 + mantissa, exponent - 25);
      CHECK(std::fabs(static_cast<double>(value)) == magnitude);
    }
  }
  const uint16_t bf16[] = {0x3F80, 0xC049, 0x7F80, 0x0001};
  const std::vector<float> values = decode(DType::bf16, bf16, 4);
  CHECK(values[0] == 1 && values[1] == -3.140625f && values[2] == std::numeric_limits<float>::infinity());
  CHECK(values[3] == std::ldexp(1.0f, -133));
}

CASE("dtype.blocks written by hand") {
  uint8_t q4_0[18] = {0x00, 0x38};  // scale 0.5
  q4_0[2] = 0xF0, q4_0[17] = 0x19;
  const std::vector<float> four = decode(DType::q4_0, q4_0, 32);
  CHECK(four[0] == -4 && four[16] == 3.5f && four[15] == 0.5f && four[31] == -3.5f);
  uint8_t q5_0[22] = {0x00, 0x3C, 0x01, 0x00, 0x00, 0x80};  // scale 1; the fifth bit of elements 0 and 31
  const std::vector<float> five = decode(DType::q5_0, q5_0, 32);
  CHECK(five[0] == 0 && five[1] == -16 && five[31] == 0 && five[15] == -16);
  uint8_t q8_0[34] = {0x01, 0x00, 0x80, 0x7F};  // the least subnormal scale
  const std::vector<float> eight = decode(DType::q8_0, q8_0, 32);
  CHECK(eight[0] == std::ldexp(-128.0f, -24) && eight[1] == std::ldexp(127.0f, -24));
}

CASE("dtype.names and sizes") {
  for (int type = 0; type <= static_cast<int>(DType::q6_k); ++type) CHECK(parse_dtype(dtype_name(static_cast<DType>(type))) == static_cast<DType>(type));
  CHECK(stored_bytes(DType::q6_k, 512) == 420 && stored_bytes(DType::bf16, 3) == 6 && stored_bytes(DType::q4_1, 0) == 0);
  check_throws("dtype", [] { parse_dtype("q3_k"); });
  check_throws("dtype", [] { parse_dtype("F32"); });
  check_throws("dtype", [] { stored_bytes(DType::q4_0, 48); });
  check_throws("dtype", [] { stored_bytes(DType::f32, -1); });
}

CASE("dtype.interleaved rows") {
  // Two heads of 6: GGUF stores the pairs (0, 3), (1, 4), (2, 5) of each head one after the other.
  const int64_t stored[] = {0, 2, 4, 1, 3, 5, 6, 8, 10, 7, 9, 11};
  for (int64_t row = 0; row < 12; ++row) {
    CHECK(stored_row(RowOrder::interleaved, row, 6) == stored[row]);
    CHECK(stored_row(RowOrder::natural, row, 6) == row);
  }
}

}  // namespace
}  // namespace sdft::test
