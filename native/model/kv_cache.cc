// The page pool.
#include "model/kv_cache.h"

namespace sdft {

namespace {

Tensor page_row(Tensor pages, int32_t page, int64_t real_bytes) {
  return {static_cast<char*>(pages.data) + page * pages.stride * real_bytes, 1, pages.cols, pages.stride};
}

}  // namespace

KvCache::Layers::Layers(Region& region, const Model& model, int64_t pages, CacheForm form) {
  const ModelSpec& spec = model.spec();
  for (size_t layer = 0; layer < spec.layers.size(); ++layer) {
    const int64_t reals = model.backend().page_reals(spec.attention_shape(static_cast<int64_t>(layer), form));
    keys.push_back(region.tensor(pages, reals));
    values.push_back(region.tensor(pages, reals));
  }
}

int64_t KvCache::bytes(const Model& model, int64_t pages, CacheForm form) {
  Region counted(model.backend());
  Layers(counted, model, pages, form);
  return counted.taken();
}

KvCache::KvCache(const Model& model, int64_t pages, CacheForm form)
    : backend_(model.backend()), form_(form), region_(model.backend(), bytes(model, pages, form)), layers_(region_, model, pages, form), references_(pages, 0) {
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
  for (const std::vector<Buffer>* tensors : {&layers_.keys, &layers_.values}) {
    for (const Buffer& tensor : *tensors)
      copies.push_back({page_row(tensor.view(), to, backend_.real_bytes()), page_row(tensor.view(), from, backend_.real_bytes())});
  }
  backend_.copy_each(copies);
}

}  // namespace sdft
