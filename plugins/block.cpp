// SPDX-License-Identifier: Apache-2.0
// Block-wise selection: the kept entries meet one block of new ones after the other, so that a
// scorer that compares entries with each other never looks at more than the budget and a block.
// Paper: arXiv:2504.15364. Checked against: kvpress 0.5.5 BlockPress.
#include <kvhost/sdk.hpp>

#include "support/best_entries.hpp"

namespace {

using namespace kvhost::sdk;
using namespace kvhost::plugins;

class Block {
 public:
  static Description describe() {
    return wrapper("block")
        .summary(
            "Selects block by block among what was kept so far and the next block_size entries")
        .paper("arXiv:2504.15364")
        .default_inner("keydiff")
        .reference("kvpress 0.5.5 BlockPress")
        .notes(
            "Scorers with a window see it end at the block, with right positions. kvpress gathers "
            "hidden states in slices per head, which means nothing for scorers that read them; "
            "here hidden states and queries are those of the tokens before the block's end.")
        .param(integer("block_size", 128).min(1).unit("tokens").doc("Entries that join at a time"))
        .scores_parts()
        .needs_budget();
  }

  explicit Block(const Args& args)
      : inner_(args.child()), block_size_(args.integer("block_size")) {}

  void score(const Layer& layer, Scores& out) const {
    const int32_t n_heads = layer.n_kv_heads();
    std::vector<std::vector<int32_t>> kept(static_cast<size_t>(n_heads));
    std::vector<int64_t> next(static_cast<size_t>(n_heads));
    for (int32_t h = 0; h < n_heads; ++h) {
      auto& row = kept[static_cast<size_t>(h)];
      next[static_cast<size_t>(h)] = even_share(layer, h);
      row.resize(static_cast<size_t>(even_share(layer, h)));
      std::iota(row.begin(), row.end(), 0);
      std::fill_n(out.row(h), out.n_entries(h), 0.0f);
    }
    while (join_block(layer, kept, next)) layer.check_cancelled();
    for (int32_t h = 0; h < n_heads; ++h)
      for (const int32_t i : kept[static_cast<size_t>(h)]) out.pin_row(h)[i] = 1;
  }

 private:
  // Lets the next block of every head compete with what is kept. False when there was none.
  bool join_block(const Layer& layer,
                  std::vector<std::vector<int32_t>>& kept,
                  std::vector<int64_t>& next) const {
    std::vector<std::vector<int32_t>> candidates = kept;
    std::vector<int64_t> counts, shares;
    int64_t end_position = 0;
    bool any = false;
    for (int32_t h = 0; h < layer.n_kv_heads(); ++h) {
      const auto at = static_cast<size_t>(h);
      const Head head = layer.head(h);
      const int64_t end = std::min(next[at] + block_size_, head.n_entries());
      any = any || end > next[at];
      for (; next[at] < end; ++next[at]) candidates[at].push_back(static_cast<int32_t>(next[at]));
      shares.push_back(static_cast<int64_t>(kept[at].size()));
      counts.push_back(static_cast<int64_t>(candidates[at].size()));
      if (end > 0) end_position = std::max<int64_t>(end_position, head.position(end - 1) + 1);
    }
    if (!any) return false;
    ScoreBuffer buffer(counts);
    Scores scores = buffer.scores();
    inner_.score_part(layer, candidates, end_position, scores);
    for (int32_t h = 0; h < layer.n_kv_heads(); ++h) {
      const auto at = static_cast<size_t>(h);
      kept[at].clear();
      for (const int32_t i : best_entries(scores.row(h), scores.pin_row(h), counts[at], shares[at]))
        kept[at].push_back(candidates[at][static_cast<size_t>(i)]);
      std::sort(kept[at].begin(), kept[at].end());
    }
    return true;
  }

  Child inner_;
  int64_t block_size_;
};

}  // namespace

KVHOST_WRAPPER(Block)
