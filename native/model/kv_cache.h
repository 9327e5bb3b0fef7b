// Paged keys and values: a fixed pool of pages of kPageRows positions, handed out to sequences and counted, so that several may share one.
#pragma once
#include <vector>

#include "kernels/region.h"
#include "model/model.h"

namespace sdft {

class KvCache {
 public:
  KvCache(const Model& model, int64_t pages, CacheForm form);

  CacheForm form() const { return form_; }
  int64_t pages() const { return static_cast<int64_t>(references_.size()); }
  int64_t free_pages() const { return static_cast<int64_t>(free_.size()); }
  /// A page with one reference, or −1 when all are taken.
  int32_t take();
  void share(int32_t page) { ++references_[page]; }
  /// Drops a reference; the page is free again after the last.
  void give_back(int32_t page);
  int64_t references(int32_t page) const { return references_[page]; }
  /// Keys and values of all layers.
  void copy(int32_t to, int32_t from);
  /// (pages, page_reals)
  Tensor keys(int64_t layer) const { return layers_.keys[layer].view(); }
  Tensor values(int64_t layer) const { return layers_.values[layer].view(); }
  /// Bytes of one page over all layers, keys and values.
  static int64_t page_bytes(const Model& model, CacheForm form) { return bytes(model, 1, form); }

 private:
  /// The layers' keys and values, one after the other from the start of the region.
  struct Layers {
    std::vector<Buffer> keys, values;
    Layers(Region& region, const Model& model, int64_t pages, CacheForm form);
  };
  static int64_t bytes(const Model& model, int64_t pages, CacheForm form);

  Backend& backend_;
  CacheForm form_;
  Region region_;  // in one piece: what one sequence has in a layer is less than a huge page
  Layers layers_;
  std::vector<int32_t> references_, free_;
};

}  // namespace sdft
