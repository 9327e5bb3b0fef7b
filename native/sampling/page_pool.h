// The pages of a job: which row holds which, which are promised to rows that grow into them, and which prompts share some. Rows that share tokens with one
// that is still reading them wait for it.
#pragma once
#include "sampling/page_tree.h"
#include "sampling/prefix_mode.h"
#include "sampling/sequence.h"

namespace sdft {

/// Pages that so many positions take.
constexpr int64_t pages_for(int64_t positions) { return (positions + kPageRows - 1) / kPageRows; }

class PagePool {
 public:
  PagePool(const Model& model, int64_t pages, CacheForm form, PrefixMode prefixes);

  KvCache& cache() { return cache_; }
  /// Lets a new sequence in if there are pages for all that it may become, beside what the others may; false: nothing has changed. It starts after the whole
  /// pages that it shares. Pages that only the tree holds count as free.
  bool admit(Sequence& sequence);
  /// Whether the tokens that it shares have been read. Then it copies its part of a page, and its position moves on.
  bool ready(Sequence& sequence);
  /// Takes the pages of these positions; promised, so never refused.
  void grow(Sequence& sequence, int64_t positions);
  /// Tells those who share its prompt how far it has been read.
  static void publish(Sequence& sequence);
  void release(Sequence& sequence);

 private:
  bool has_room(int64_t pages) const { return cache_.free_pages() + tree_.idle_pages() - promised_ >= pages; }
  void offer_prompt(Sequence& sequence);

  KvCache cache_;
  PageTree tree_;
  PrefixMode prefixes_;
  int64_t promised_ = 0;  // pages that the rows may still take
};

}  // namespace sdft
