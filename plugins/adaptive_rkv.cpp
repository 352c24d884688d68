// SPDX-License-Identifier: Apache-2.0
// ADAPTIVE_RKV: blocks that hold most of the score stay; what the budget has left goes to the blocks
// that are least like the others. Source: OpenVINO GenAI. Checked against: values of its code.
#include <functional>

#include "support/diversity.hpp"
#include "support/evictable_blocks.hpp"

namespace {

using namespace kvhost::sdk;
using namespace kvhost::plugins;

class AdaptiveRKv {
 public:
  static Description describe() {
    Description description = wrapper("adaptive_rkv");
    description
        .summary("Keeps the blocks that hold most of the score, then the most diverse ones")
        .paper("arXiv:2505.24133")
        .default_inner("snapkv")
        .reference("OpenVINO GenAI's ADAPTIVE_RKV, on test vectors")
        .notes(
            "Blocks stay by score until they hold attention_mass of what can go, or fill the "
            "budget. Of the others those whose keys are least like each other fill the rest. "
            "Scores must not be negative: attention is not, norms of keys with a minus are. All "
            "heads keep the same tokens. Time grows with the square of the tokens.")
        .needs_budget()
        .decodes();
    return EvictableBlocks::Sizes::add(description)
        .param(real("attention_mass", 0.9).min(0).max(1).doc(
            "Share of the evictable scores' sum that is kept by score; 1: no diversity"));
  }

  explicit AdaptiveRKv(const Args& args)
      : inner_(args.child()), sizes_(args), attention_mass_(args.real("attention_mass")) {}

  void score(const Layer& layer, Scores& out) const {
    const HeldTokens held(layer);
    std::vector<float> scores = summed_scores(inner_, layer, held, out);
    require_finite(scores, inner_.name());
    const EvictableBlocks blocks(
        std::move(scores), sizes_, layer.layer_budget() / layer.n_kv_heads());
    held.rank(blocks.tokens(order(layer, held, blocks)), out);
  }

 private:
  std::vector<size_t> order(const Layer& layer,
                            const HeldTokens& held,
                            const EvictableBlocks& blocks) const {
    std::vector<size_t> best = blocks.best();
    const auto n_by_score = static_cast<std::ptrdiff_t>(holding_mass(blocks, best));
    const auto diversity =
        block_diversity(layer, held, blocks.begin(), blocks.end(), sizes_.block);
    std::stable_sort(best.begin() + n_by_score,
                     best.end(),
                     by_diversity(diversity, blocks, best, n_by_score));
    return best;
  }

  // How many of the best blocks hold the mass, at most what the budget has room for.
  size_t holding_mass(const EvictableBlocks& blocks, const std::vector<size_t>& best) const {
    double all = 0, held = 0;
    for (const size_t b : best) all += blocks.block(b).score;
    const auto room = static_cast<size_t>(blocks.n_kept());
    for (size_t n = 0; n < room; ++n) {
      if (held >= attention_mass_ * all) return n;
      held += blocks.block(best[n]).score;
    }
    return room;
  }

  using Less = std::function<bool(size_t, size_t)>;
  // More diverse first, as seen from the entries of the blocks that are not kept by score.
  static Less by_diversity(const std::vector<std::vector<float>>& diversity,
                           const EvictableBlocks& blocks,
                           const std::vector<size_t>& best,
                           std::ptrdiff_t n_by_score) {
    std::vector<double> values(best.size());
    for (size_t b = 0; b < values.size(); ++b) {
      double n = 0;
      for (auto other = best.begin() + n_by_score; other != best.end(); ++other)
        for (int64_t i = blocks.block(*other).begin; i < blocks.block(*other).end; ++i, ++n)
          values[b] += diversity[b][static_cast<size_t>(i - blocks.begin())];
      values[b] /= std::max(n, 1.0);
    }
    return [values](size_t a, size_t b) { return values[a] > values[b]; };
  }

  Child inner_;
  EvictableBlocks::Sizes sizes_;
  double attention_mass_;
};

}  // namespace

KVHOST_WRAPPER(AdaptiveRKv)
