// native_bench [--threads N] [--stored f32|bf16] [--rows 1,8,128,512]: the roof of the machine and the products under it, at one thread and at N.
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "kernels/backends.h"
#include "measurement.h"
#include "peak.h"
#include "products.h"

namespace {

std::vector<int> parse_rows(const std::string& list) {
  std::vector<int> rows;
  std::stringstream words(list);
  for (std::string word; std::getline(words, word, ',');) {
    rows.push_back(std::atoi(word.c_str()));
    if (rows.back() < 1) throw std::runtime_error("Expected --rows to be numbers from 1 on, with commas, but received " + list);
  }
  return rows;
}

void measure(const sdft::bench::ProductOptions& options) {
  using namespace sdft::bench;
  const std::string threads = thread_words(options.threads);
  const Peak peak = measure_multiply_add_peak(options.threads);
  print_measurement("sdft", "multiply-add peak, " + threads, "GFLOP/s", peak.gflops, "{\"instruction_set\":\"" + peak.instruction_set + "\"}");
  print_measurement("sdft", "memory read, " + threads, "GB/s", measure_memory_read(options.threads));
  measure_products(options);
}

}  // namespace

int main(int count, char** words) {
  try {
    sdft::bench::ProductOptions options{0, {1, 8, 128, 512}, sdft::DType::f32};
    for (int i = 1; i + 1 < count; i += 2) {
      const std::string name = words[i], value = words[i + 1];
      if (name == "--threads") options.threads = std::atoi(value.c_str());
      else if (name == "--stored") options.stored = sdft::parse_dtype(value);
      else if (name == "--rows") options.rows = parse_rows(value);
      else throw std::runtime_error("Expected --threads, --stored or --rows but received " + name);
    }
    if (options.stored != sdft::DType::f32 && options.stored != sdft::DType::bf16) {
      throw std::runtime_error("Expected --stored f32 or bf16");
    }
    if (options.threads < 1) options.threads = sdft::physical_cores();
    for (const int threads : std::set<int>{1, options.threads}) {
      options.threads = threads;
      measure(options);
    }
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "native_bench: %s\n", error.what());
    return 1;
  }
}
