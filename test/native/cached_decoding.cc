// Equal to the bit: a sequence read whole, alone, without a cache = read through the cache in pieces of any size, beside others.
#include <algorithm>
#include <numeric>

#include "harness.h"
#include "model/decoder.h"
#include "tiny_model.h"

namespace sdft::test {

namespace {

struct Row {
  std::vector<int32_t> tokens;
  std::vector<int32_t> pages;
  std::vector<float> logits;  // (T, V)
  int64_t position = 0;
};

std::vector<float> download(const Model& model, Tensor tensor) {
  std::vector<float> values(static_cast<size_t>(tensor.rows * tensor.cols));
  model.backend().download(values.data(), tensor);
  return values;
}

std::vector<float> whole(const Model& model, Decoder& decoder, const Adapter* adapter, const std::vector<int32_t>& tokens) {
  const int64_t length = static_cast<int64_t>(tokens.size());
  Step step;
  step.tokens = tokens;
  step.segments = {{-1, 0, length, 0, nullptr}};
  step.sequence_lengths = {length};
  step.wanted.resize(tokens.size());
  std::iota(step.wanted.begin(), step.wanted.end(), 0);
  step.adapter = adapter;
  return download(model, decoder.logits(step));
}

/// Reads all rows through the cache; piece(row, step) says how many tokens of a row the step takes.
void read_in_pieces(const Model& model, Decoder& decoder, const Adapter* adapter, std::vector<Row>& rows, const std::vector<int64_t>& pieces) {
  KvCache cache(model, 64);
  for (size_t turn = 0;; ++turn) {
    Step step;
    step.adapter = adapter;
    step.cache = &cache;
    std::vector<size_t> taken(rows.size());
    for (size_t r = 0; r < rows.size(); ++r) {
      Row& row = rows[r];
      const int64_t left = static_cast<int64_t>(row.tokens.size()) - row.position;
      const int64_t length = std::min(left, pieces[(turn + r) % pieces.size()]);
      if (length == 0) continue;
      while (static_cast<int64_t>(row.pages.size()) * kPageRows < row.position + length) row.pages.push_back(cache.take());
      const int64_t start = static_cast<int64_t>(step.tokens.size());
      step.tokens.insert(step.tokens.end(), row.tokens.begin() + row.position, row.tokens.begin() + row.position + length);
      step.segments.push_back({-1, start, length, row.position, row.pages.data()});
      step.sequence_lengths.push_back(static_cast<int64_t>(row.tokens.size()));
      for (int64_t i = 0; i < length; ++i) step.wanted.push_back(static_cast<int32_t>(start + i));
      row.position += length;
      taken[r] = static_cast<size_t>(length);
    }
    if (step.tokens.empty()) return;
    const std::vector<float> logits = download(model, decoder.logits(step));
    auto next = logits.begin();
    for (size_t r = 0; r < rows.size(); ++r) {
      const int64_t count = static_cast<int64_t>(taken[r]) * model.spec().vocab_size;
      rows[r].logits.insert(rows[r].logits.end(), next, next + count);
      next += count;
    }
  }
}

void check(const std::string& backend, int threads) {
  const auto model = make_tiny_model(backend, threads);
  const auto adapter = make_tiny_adapter(*model);
  Decoder decoder(*model, 256);
  for (const Adapter* used : {static_cast<const Adapter*>(nullptr), static_cast<const Adapter*>(adapter.get())}) {
    for (const std::vector<int64_t>& pieces : std::vector<std::vector<int64_t>>{{1}, {7, 1, 33}, {32}, {64, 5}}) {
      std::vector<Row> rows(3);
      for (size_t r = 0; r < rows.size(); ++r) rows[r].tokens = random_integers(std::vector<int64_t>{75, 1, 40}[r], r, static_cast<int32_t>(model->spec().vocab_size));
      read_in_pieces(*model, decoder, used, rows, pieces);
      for (const Row& row : rows) {
        check_same_bits("logits in pieces of " + std::to_string(pieces[0]) + "…", whole(*model, decoder, used, row.tokens), row.logits, model->spec().vocab_size);
      }
    }
  }
}

}  // namespace

CASE("decoder.reference cached = full to the bit") { check("reference", 1); }
CASE("decoder.cpu cached = full to the bit, one thread") { check("cpu", 1); }
CASE("decoder.cpu cached = full to the bit, three threads") { check("cpu", 3); }

}  // namespace sdft::test
