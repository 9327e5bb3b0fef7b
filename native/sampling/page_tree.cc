#include "sampling/page_tree.h"

#include <algorithm>

namespace sdft {

namespace {

/// First tokens that `node` and tokens[from … limit] have in common.
int64_t agreeing(const PageNode& node, const std::vector<int32_t>& tokens, int64_t from, int64_t limit) {
  const int64_t most = std::min(static_cast<int64_t>(node.tokens.size()), limit - from);
  return std::mismatch(node.tokens.begin(), node.tokens.begin() + most, tokens.begin() + from).first - node.tokens.begin();
}

template <class Visit>
void visit_all(PageNode& node, const Visit& visit) {
  for (const auto& child : node.children) {
    visit(*child);
    visit_all(*child, visit);
  }
}

}  // namespace

PrefixMatch PageTree::find(const std::vector<int32_t>& tokens, int64_t limit) {
  PrefixMatch match;
  ++time_;
  for (PageNode* node = root_.get();;) {
    const int64_t from = static_cast<int64_t>(match.whole.size()) * kPageRows;
    PageNode* best = nullptr;
    int64_t most = 0;
    for (const auto& child : node->children) {
      const int64_t rows = agreeing(*child, tokens, from, limit);
      if (rows > most) most = rows, best = child.get();
    }
    if (best == nullptr) return match;
    best->last_use = time_;
    if (most < kPageRows) {
      match.part = best;
      match.part_rows = most;
      return match;
    }
    match.whole.push_back(best);
    node = best;
  }
}

PageNode* PageTree::add(PageNode* parent, std::vector<int32_t> tokens, int32_t page) {
  PageNode& above = parent != nullptr ? *parent : *root_;
  const auto length = static_cast<int64_t>(tokens.size());
  for (const auto& child : above.children) {
    if (agreeing(*child, tokens, 0, length) == length) return nullptr;
  }
  auto node = std::make_unique<PageNode>();
  node->tokens = std::move(tokens);
  node->page = page;
  node->last_use = time_;
  node->parent = parent;
  cache_.share(page);
  above.children.push_back(std::move(node));
  return above.children.back().get();
}

int64_t PageTree::idle_pages() const {
  int64_t pages = 0;
  visit_all(*root_, [&](const PageNode& node) { pages += cache_.references(node.page) == 1; });
  return pages;
}

bool PageTree::drop_one() {
  PageNode* oldest = nullptr;
  visit_all(*root_, [&](PageNode& node) {
    const bool idle = node.children.empty() && cache_.references(node.page) == 1;
    if (idle && (oldest == nullptr || node.last_use < oldest->last_use)) oldest = &node;
  });
  if (oldest == nullptr) return false;
  cache_.give_back(oldest->page);
  auto& siblings = (oldest->parent != nullptr ? oldest->parent : root_.get())->children;
  siblings.erase(std::find_if(siblings.begin(), siblings.end(), [&](const auto& node) { return node.get() == oldest; }));
  return true;
}

}  // namespace sdft
