// The weight table over small files written here: what it hands out, and every way an entry can be wrong.
#include "storage/weight_table.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <limits>
#include <utility>

#include "base/error.h"
#include "harness.h"

namespace sdft::test {
namespace {

/// A file of these bytes for as long as it lives.
struct TemporaryFile {
  std::string path;

  explicit TemporaryFile(const std::string& bytes) {
    const char* folder = std::getenv("TMPDIR");
    path = std::string(folder ? folder : "/tmp") + "/sdft-weight-table-XXXXXX";
    const int file = mkstemp(path.data());
    if (file < 0) fail("no temporary file at " + path);
    close(file);
    std::ofstream(path, std::ios::binary) << bytes;
  }
  ~TemporaryFile() { std::remove(path.c_str()); }
};

std::string bytes_of(const std::vector<float>& values) { return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)}; }

WeightEntry entry(std::vector<int64_t> shape, int64_t offset, DType type = DType::f32) {
  return {"layer.weight", type, std::move(shape), 0, offset, RowOrder::natural};
}

CASE("weight_table.hands out checked tensors") {
  const TemporaryFile first("xyz" + bytes_of({1, 2, 3, 4, 5, 6})), second(bytes_of({7, 8, 9, 10}));
  WeightEntry bias{"bias", DType::f32, {4}, 1, 0, RowOrder::interleaved};
  WeightTable made({first.path, second.path}, {entry({2, 3}, 3), bias});
  const WeightTable table = std::move(made);  // views stay good
  CHECK(table.mapped_bytes() == 3 + 24 + 16);
  CHECK(table.has("bias") && !table.has("other") && table.find("other") == nullptr);
  const StoredTensor& matrix = table.get("layer.weight");  // at an odd address
  CHECK(matrix.rows == 2 && matrix.cols == 3 && matrix.type == DType::f32);
  std::vector<float> values(6);
  dequantize(matrix.type, matrix.data, 6, values.data());
  CHECK((values == std::vector<float>{1, 2, 3, 4, 5, 6}));
  CHECK((read_vector(table.get("bias"), 4) == std::vector<float>{7, 9, 8, 10}));
  check_throws("weights", [&] { read_vector(table.get("bias"), 3); });
  check_throws("weights", [&] { read_vector(matrix, 4); });
}

CASE("weight_table.names the tensor, the file and the bytes") {
  const TemporaryFile file(bytes_of({1, 2, 3}));
  try {
    WeightTable({file.path}, {entry({2, 3}, 4)});
  } catch (const Error& error) {
    const std::string message = error.what();
    for (const std::string& part : {std::string("layer.weight"), std::string("f32 [2, 3]"), std::string("24 bytes from byte 4"), file.path, std::string("12 bytes")})
      if (message.find(part) == std::string::npos) fail("expected \"" + part + "\" in: " + message);
    return;
  }
  fail("expected an error");
}

CASE("weight_table.misuse") {
  const TemporaryFile file(std::string(400, '\1'));
  const auto refuse = [&](const WeightEntry& bad) { check_throws("weights", [&] { WeightTable({file.path}, {bad}); }); };
  WeightTable({file.path}, {entry({10, 10}, 0)});
  refuse(entry({10, 10}, 1));    // one byte past the end
  refuse(entry({101}, 0));       // the file is cut
  refuse(entry({1}, 401));       // starts past the end
  refuse(entry({1}, -4));
  refuse(entry({1}, std::numeric_limits<int64_t>::max()));
  refuse(entry({0, 4}, 0));
  refuse(entry({-1, -4}, 0));
  refuse(entry({}, 0));
  refuse(entry({1, 1, 1}, 0));
  refuse(entry({2, 48}, 0, DType::q4_0));  // 48 columns cut a block of 32
  refuse(entry({2, 32}, 0, DType::q4_k));
  constexpr int64_t kHuge = int64_t{1} << 62;
  refuse(entry({kHuge, 4}, 0));  // 2^66 bytes: 0 after overflow
  refuse(entry({4, kHuge}, 0));
  refuse(entry({kHuge, kHuge}, 0));
  WeightEntry elsewhere = entry({1}, 0);
  elsewhere.file = 1;
  refuse(elsewhere);
  elsewhere.file = -1;
  refuse(elsewhere);
  check_throws("weights", [&] { WeightTable({file.path}, {entry({1}, 0), entry({2}, 0)}); });  // twice
  check_throws("weights", [&] { WeightTable({file.path}, {entry({1}, 0)}).get("layer.bias"); });
}

CASE("weight_table.files that cannot be mapped") {
  check_throws("file", [] { MappedFile("/nonexistent/model.gguf"); });
  check_throws("file", [] { MappedFile("/"); });
  const TemporaryFile empty("");
  CHECK(MappedFile(empty.path).size() == 0);
  check_throws("weights", [&] { WeightTable({empty.path}, {entry({1}, 0)}); });
}

CASE("weight_table.forget leaves tensors that can be read again") {
  std::vector<float> values(3000);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  const TemporaryFile file("head" + bytes_of(values));
  const WeightTable table({file.path}, {entry({30, 100}, 4)});
  const StoredTensor& tensor = table.get("layer.weight");
  for (int round = 0; round < 2; ++round) {
    float read[3000];
    std::memcpy(read, tensor.data, sizeof read);
    for (int i = 0; i < 3000; ++i) CHECK(read[i] == values[static_cast<size_t>(i)]);
    table.forget(tensor);
  }
}

}  // namespace
}  // namespace sdft::test
