// The tree of prompt pages: what is found, what may go.
#include "sampling/page_tree.h"

#include "harness.h"
#include "tiny_model.h"

namespace sdft::test {

namespace {

std::vector<int32_t> range(int32_t first, int64_t count) {
  std::vector<int32_t> tokens(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) tokens[i] = first + static_cast<int32_t>(i);
  return tokens;
}

}  // namespace

CASE("page_tree.finds whole pages, then the page that agrees longest") {
  const auto model = make_tiny_model("reference", 1);
  KvCache cache(*model, 8, CacheForm::reals);
  PageTree tree(cache);
  const int32_t first = cache.take(), second = cache.take(), third = cache.take();
  PageNode* whole = tree.add(nullptr, range(0, 32), first);
  PageNode* part = tree.add(whole, range(32, 20), second);
  PageNode* other = tree.add(whole, {32, 33, 34, 7}, third);
  CHECK(whole != nullptr && part != nullptr && other != nullptr);
  CHECK(cache.references(first) == 2);
  CHECK(tree.add(whole, range(32, 20), first) == nullptr);
  CHECK(tree.add(whole, range(32, 5), first) == nullptr);
  CHECK(cache.references(first) == 2);

  PrefixMatch match = tree.find(range(0, 60), 59);
  CHECK(match.whole == std::vector<PageNode*>{whole});
  CHECK(match.part == part && match.part_rows == 20);
  match = tree.find(range(0, 60), 40);
  CHECK(match.part == part && match.part_rows == 8);
  match = tree.find(range(0, 32), 31);
  CHECK(match.whole.empty() && match.part == whole && match.part_rows == 31);
  match = tree.find({9, 1}, 1);
  CHECK(match.whole.empty() && match.part == nullptr);
}

CASE("page_tree.gives up idle leaves, the longest unused first") {
  const auto model = make_tiny_model("reference", 1);
  KvCache cache(*model, 3, CacheForm::reals);
  PageTree tree(cache);
  const int32_t pages[] = {cache.take(), cache.take(), cache.take()};
  PageNode* root = tree.add(nullptr, range(0, 32), pages[0]);
  tree.add(root, range(32, 32), pages[1]);
  tree.add(root, range(50, 32), pages[2]);
  CHECK(tree.idle_pages() == 0 && !tree.drop_one());
  cache.give_back(pages[0]);
  CHECK(tree.idle_pages() == 1);
  CHECK(!tree.drop_one());  // its children are in use
  cache.give_back(pages[1]);
  cache.give_back(pages[2]);
  tree.find(range(0, 40), 40);
  CHECK(tree.idle_pages() == 3 && cache.free_pages() == 0);
  CHECK(tree.drop_one());
  CHECK(cache.take() == pages[2]);
  CHECK(tree.drop_one());
  CHECK(cache.take() == pages[1]);
  CHECK(tree.drop_one());
  CHECK(!tree.drop_one());
}

}  // namespace sdft::test
