// Equal to the bit: a sequence read whole, alone, without a cache = read through the cache in pieces of any size, beside others.
#include <algorithm>
#include <cmath>
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
  KvCache cache(model, 64, CacheForm::reals);
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

/// Takes rows position … position + length − 1 of `tokens` through the cache; returns their logits.
std::vector<float> read(Decoder& decoder, const Model& model, KvCache& cache, const std::vector<int32_t>& tokens, const std::vector<int32_t>& pages,
                        int64_t position, int64_t length) {
  Step step;
  step.cache = &cache;
  step.tokens.assign(tokens.begin() + position, tokens.begin() + position + length);
  step.segments = {{-1, 0, length, position, pages.data()}};
  step.sequence_lengths = {static_cast<int64_t>(tokens.size())};
  step.wanted.resize(static_cast<size_t>(length));
  std::iota(step.wanted.begin(), step.wanted.end(), 0);
  return download(model, decoder.logits(step));
}

/// All rows of `tokens`, through a cache of their own where this one rounds what it holds.
std::vector<float> read_alone(Decoder& decoder, const Model& model, CacheForm form, const std::vector<int32_t>& tokens) {
  if (form == CacheForm::reals) return whole(model, decoder, nullptr, tokens);
  KvCache cache(model, 3, form);
  return read(decoder, model, cache, tokens, {cache.take(), cache.take(), cache.take()}, 0, static_cast<int64_t>(tokens.size()));
}

/// A row that goes on in another's shared and copied pages, and one whose rejected drafts are overwritten, have the logits of rows read alone.
void check_shared_pages(const std::string& backend, int threads, CacheForm form) {
  const auto model = make_tiny_model(backend, threads);
  Decoder decoder(*model, 256);
  const auto V = model->spec().vocab_size;
  const auto vocabulary = static_cast<int32_t>(V);
  const std::vector<int32_t> first = random_integers(90, 1, vocabulary);
  for (int64_t common : {1, 32, 45, 64, 89}) {
    KvCache cache(*model, 8, form);
    const std::vector<int32_t> pages{cache.take(), cache.take(), cache.take()};
    read(decoder, *model, cache, first, pages, 0, 90);
    std::vector<int32_t> second(first.begin(), first.begin() + common);
    for (int32_t token : random_integers(96 - common, 2, vocabulary)) second.push_back(token);
    std::vector<int32_t> own(pages.begin(), pages.begin() + common / kPageRows);
    while (own.size() < 3) own.push_back(cache.take());
    cache.copy(own[common / kPageRows], pages[common / kPageRows]);
    std::vector<int32_t> wrong = second;
    for (int64_t i = common + 2; i < 96; ++i) wrong[i] = (wrong[i] + 1) % vocabulary;
    read(decoder, *model, cache, wrong, own, common, std::min<int64_t>(96 - common, 9));  // two right, then rejected drafts
    const int64_t start = std::min<int64_t>(common + 2, 96);
    const std::vector<float> logits = read(decoder, *model, cache, second, own, start, 96 - start), alone = read_alone(decoder, *model, form, second);
    check_same_bits("logits after " + std::to_string(common) + " common tokens", {alone.begin() + start * V, alone.end()}, logits, V);
    const std::vector<float> again = read(decoder, *model, cache, first, pages, 89, 1), before = read_alone(decoder, *model, form, first);
    check_same_bits("logits of the row that shared", {before.end() - V, before.end()}, again, V);
  }
}

}  // namespace

CASE("decoder.reference shared, copied and overwritten pages = alone to the bit") {
  for (CacheForm form : {CacheForm::reals, CacheForm::halves}) check_shared_pages("reference", 1, form);
}
CASE("decoder.cpu shared, copied and overwritten pages = alone to the bit") {
  for (CacheForm form : {CacheForm::reals, CacheForm::halves}) check_shared_pages("cpu", 2, form);
}
CASE("decoder.cpu a cache of halves takes half the memory and rounds") {
  const auto model = make_tiny_model("cpu", 1);
  CHECK(2 * KvCache::page_bytes(*model, CacheForm::halves) == KvCache::page_bytes(*model, CacheForm::reals));
  Decoder decoder(*model, 256);
  const std::vector<int32_t> tokens = random_integers(40, 1, static_cast<int32_t>(model->spec().vocab_size));
  const std::vector<float> exact = read_alone(decoder, *model, CacheForm::reals, tokens), rounded = read_alone(decoder, *model, CacheForm::halves, tokens);
  double change = 0, size = 0;
  for (size_t i = 0; i < exact.size(); ++i) {
    change = std::max(change, std::abs(static_cast<double>(rounded[i]) - exact[i]));
    size = std::max(size, std::abs(static_cast<double>(exact[i])));
  }
  CHECK(change > 0 && change < 0.01 * size);  // a rounding is 2^-12 of a number at most
}
CASE("decoder.reference cached = full to the bit") { check("reference", 1); }
CASE("decoder.cpu cached = full to the bit, one thread") { check("cpu", 1); }
CASE("decoder.cpu cached = full to the bit, three threads") { check("cpu", 3); }

}  // namespace sdft::test
