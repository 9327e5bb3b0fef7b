// The page pool.
#include "model/kv_cache.h"

namespace sdft {

namespace {

Tensor page_row(Tensor pages, int32_t page, int64_t real_bytes) {
  return {static_cast<char*>(pages.data) + page * pages.stride * real_bytes, 1, pages.cols, pages.stride};
}

}  // namespace

KvCache::KvCache(const Model& model, int64_t pages, CacheForm form) : backend_(model.backend()), form_(form), references_(pages, 0) {
  const ModelSpec& spec = model.spec();
  const int64_t layers = static_cast<int64_t>(spec.layers.size());
  for (int64_t layer = 0; layer < layers; ++layer) {
    const int64_t reals = model.backend().page_reals(spec.attention_shape(layer, form));
    keys_.emplace_back(model.backend(), pages, reals);
    values_.emplace_back(model.backend(), pages, reals);
  }
  for (int64_t page = pages - 1; page >= 0; --page) free_.push_back(static_cast<int32_t>(page));
}

int32_t KvCache::take() {
  if (free_.empty()) return -1;
  const int32_t page = free_.back();
  free_.pop_back();
  references_[page] = 1;
  return page;
}

void KvCache::give_back(int32_t page) {
  if (--references_[page] == 0) free_.push_back(page);
}

void KvCache::copy(int32_t to, int32_t from) {
  std::vector<Copy> copies;
  for (const std::vector<OwnedTensor>* tensors : {&keys_, &values_}) {
    for (const OwnedTensor& tensor : *tensors)
      copies.push_back({page_row(tensor.view(), to, backend_.real_bytes()), page_row(tensor.view(), from, backend_.real_bytes())});
  }
  backend_.copy_each(copies);
}

int64_t KvCache::page_bytes(const Model& model, CacheForm form) {
  int64_t bytes = 0;
  for (size_t layer = 0; layer < model.spec().layers.size(); ++layer) {
    bytes += 2 * model.backend().page_reals(model.spec().attention_shape(layer, form)) * model.backend().real_bytes();
  }
  return bytes;
}

}  // namespace sdft
