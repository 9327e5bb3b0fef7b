// The prompts of a job as a tree of pages: a node holds up to kPageRows prompt tokens and the page with their keys and values, so that prompts that begin
// alike share pages. A whole page is shared as it stands; of a page that agrees only in its first tokens, a row takes a copy and goes on in that.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "model/kv_cache.h"

namespace sdft {

struct PageNode {
  std::vector<int32_t> tokens;  // at most kPageRows, fewer only where a prompt ends
  int32_t page = -1;
  int64_t stored = 0;     // first tokens whose keys and values are in the page
  uint64_t last_use = 0;  // a time that only grows
  PageNode* parent = nullptr;
  std::vector<std::unique_ptr<PageNode>> children;
};

/// What of a prompt's beginning is in the tree.
struct PrefixMatch {
  std::vector<PageNode*> whole;  // from the root on
  PageNode* part = nullptr;      // the page after them, to be copied
  int64_t part_rows = 0;         // tokens of it that agree
};

class PageTree {
 public:
  explicit PageTree(KvCache& cache) : cache_(cache), root_(new PageNode) {}

  /// Of the first `limit` tokens. Marks the nodes as used.
  PrefixMatch find(const std::vector<int32_t>& tokens, int64_t limit);
  /// Continues `parent` (null: the root) by a page that somebody holds and will fill; the tree shares it. Null, and nothing shared, where a node of the tree
  /// already begins with these tokens.
  PageNode* add(PageNode* parent, std::vector<int32_t> tokens, int32_t page);
  /// Pages that nobody but the tree holds. (Whoever holds a page holds those before it, so leaves go first and all of these can go.)
  int64_t idle_pages() const;
  /// Gives the idle leaf that was used least lately back to the cache; false where there is none.
  bool drop_one();

 private:
  KvCache& cache_;
  std::unique_ptr<PageNode> root_;
  uint64_t time_ = 0;
};

}  // namespace sdft
