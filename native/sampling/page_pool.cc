#include "sampling/page_pool.h"

#include <algorithm>

#include "base/error.h"

namespace sdft {

PagePool::PagePool(const Model& model, int64_t pages, CacheForm form, PrefixMode prefixes)
    : cache_(model, pages, form), tree_(cache_), prefixes_(prefix_mode(model.spec(), prefixes)) {}

bool PagePool::admit(Sequence& sequence) {
  PrefixMatch prefix;
  if (prefixes_ == PrefixMode::shared) prefix = tree_.find(sequence.tokens, sequence.prompt - 1);  // the last token's row gives the first logits, so it is the sequence's own
  const int64_t need = pages_for(sequence.length) - static_cast<int64_t>(prefix.whole.size());
  for (const PageNode* node : prefix.whole) cache_.share(node->page);
  if (prefix.part != nullptr) cache_.share(prefix.part->page);
  if (!has_room(need) && prefix.part != nullptr) {  // the page to copy from may be the very one that is missing
    cache_.give_back(prefix.part->page);
    prefix.part = nullptr;
  }
  if (!has_room(need)) {
    for (const PageNode* node : prefix.whole) cache_.give_back(node->page);
    return false;
  }
  promised_ += need;
  for (const PageNode* node : prefix.whole) sequence.pages.push_back(node->page);
  sequence.first_own = static_cast<int64_t>(prefix.whole.size());
  sequence.position = sequence.first_own * kPageRows;
  sequence.prefix = std::move(prefix);
  if (prefixes_ == PrefixMode::shared) offer_prompt(sequence);
  return true;
}

/// Takes the prompt's pages and puts them into the tree, for rows admitted later.
void PagePool::offer_prompt(Sequence& sequence) {
  grow(sequence, sequence.prompt);
  PageNode* parent = sequence.first_own == 0 ? nullptr : sequence.prefix.whole.back();
  for (int64_t page = sequence.first_own; page < static_cast<int64_t>(sequence.pages.size()); ++page) {
    const auto first = sequence.tokens.begin() + page * kPageRows;
    parent = tree_.add(parent, {first, first + std::min(kPageRows, sequence.prompt - page * kPageRows)}, sequence.pages[page]);
    if (parent == nullptr) return;
    sequence.nodes.push_back(parent);
  }
}

bool PagePool::ready(Sequence& sequence) {
  PrefixMatch& prefix = sequence.prefix;
  if (!prefix.whole.empty() && prefix.whole.back()->stored < kPageRows) return false;
  prefix.whole.clear();
  if (prefix.part == nullptr) return true;
  if (prefix.part->stored < prefix.part_rows) return false;
  cache_.copy(sequence.pages[sequence.first_own], prefix.part->page);
  cache_.give_back(prefix.part->page);
  sequence.position += prefix.part_rows;
  prefix.part = nullptr;
  return true;
}

void PagePool::grow(Sequence& sequence, int64_t positions) {
  while (static_cast<int64_t>(sequence.pages.size()) < pages_for(positions)) {
    int32_t page = cache_.take();
    if (page < 0 && tree_.drop_one()) page = cache_.take();
    require(page >= 0, "state", "Expected a free page of the cache for a row that was let in, but all are taken.");
    sequence.pages.push_back(page);
    --promised_;
  }
}

void PagePool::publish(Sequence& sequence) {
  for (size_t i = 0; i < sequence.nodes.size(); ++i) {
    PageNode& node = *sequence.nodes[i];
    const int64_t first = (sequence.first_own + static_cast<int64_t>(i)) * kPageRows;
    node.stored = std::max<int64_t>(0, std::min<int64_t>(static_cast<int64_t>(node.tokens.size()), sequence.position - first));
  }
  if (sequence.pending() == 0) sequence.nodes.clear();
}

void PagePool::release(Sequence& sequence) {
  for (int32_t page : sequence.pages) cache_.give_back(page);
  if (sequence.prefix.part != nullptr) cache_.give_back(sequence.prefix.part->page);
  promised_ -= pages_for(sequence.length) - static_cast<int64_t>(sequence.pages.size());
}

}  // namespace sdft
