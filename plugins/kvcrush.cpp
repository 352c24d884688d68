// SPDX-License-Identifier: Apache-2.0
// KVCrush: of the blocks that would go, some stay as representatives, chosen by how their pattern of
// important tokens differs from an anchor's. Paper: arXiv:2503.00022. Checked against: the rule of
// OpenVINO GenAI on made-up scores.
#include <random>

#include "support/evictable_blocks.hpp"

namespace {

using namespace kvhost::sdk;
using namespace kvhost::plugins;

class KvCrush {
 public:
  static Description describe() {
    Description description = wrapper("kvcrush");
    description
        .summary("Keeps representatives of the blocks that would go, by their binary patterns")
        .paper("arXiv:2503.00022")
        .default_inner("snapkv")
        .reference("the rule of OpenVINO GenAI")
        .notes(
            "A token's bit is 1 where it is of the better half; a block's pattern is its bits. "
            "Blocks that would go, by their Hamming distance from the anchor, give every so many-th "
            "one as a representative. In OpenVINO these come on top of the budget, here they are "
            "within it. All heads keep the same tokens.")
        .needs_budget()
        .decodes();
    return EvictableBlocks::Sizes::add(description)
        .param(integer("n_representatives", 4).min(0).max(4096).doc(
            "Blocks of the budget that representatives get; 0: none, whole blocks by score"))
        .param(choice("anchor", {"mean", "zeros", "ones", "alternating", "random"}).doc(
            "The pattern that distances are from; mean: where most blocks have a 1"))
        .param(integer("seed", 0).min(0).max(INT32_MAX).doc("Of the random anchor"));
  }

  explicit KvCrush(const Args& args)
      : inner_(args.child()),
        sizes_(args),
        n_representatives_(args.integer("n_representatives")),
        anchor_(args.choice("anchor")),
        seed_(static_cast<uint32_t>(args.integer("seed"))) {}

  void score(const Layer& layer, Scores& out) const {
    const HeldTokens held(layer);
    std::vector<float> scores = summed_scores(inner_, layer, held, out);
    require_finite(scores, inner_.name());
    const EvictableBlocks blocks(
        std::move(scores), sizes_, layer.layer_budget() / layer.n_kv_heads());
    held.rank(blocks.tokens(order(blocks)), out);
  }

 private:
  using Bits = std::vector<char>;  // of a block; a short one's missing tokens are 0

  // Blocks by score, with representatives of the rest inside the budget.
  std::vector<size_t> order(const EvictableBlocks& blocks) const {
    std::vector<size_t> best = blocks.best();
    const int64_t n = std::min(n_representatives_, blocks.n_kept());
    const auto n_by_score = blocks.n_kept() - n;
    const std::vector<size_t> rest(best.begin() + n_by_score, best.end());
    if (n == 0 || static_cast<int64_t>(rest.size()) <= n) return best;
    const std::vector<size_t> chosen = representatives(blocks, rest, static_cast<size_t>(n));
    std::vector<size_t> out(best.begin(), best.begin() + n_by_score);
    out.insert(out.end(), chosen.begin(), chosen.end());
    for (const size_t b : rest)
      if (std::find(chosen.begin(), chosen.end(), b) == chosen.end()) out.push_back(b);
    return out;
  }

  std::vector<size_t> representatives(const EvictableBlocks& blocks,
                                      const std::vector<size_t>& rest,
                                      size_t n) const {
    const std::vector<Bits> patterns = patterns_of(blocks);
    const Bits anchor = anchor_of(patterns);
    std::vector<std::pair<int64_t, size_t>> by_distance;
    for (const size_t b : rest) {
      int64_t distance = 0;
      for (size_t i = 0; i < anchor.size(); ++i) distance += patterns[b][i] != anchor[i];
      by_distance.emplace_back(distance, b);
    }
    std::sort(by_distance.begin(), by_distance.end());
    std::vector<size_t> out;
    const size_t step = by_distance.size() / n;
    for (size_t i = 0; i < n; ++i) out.push_back(by_distance[i * step].second);
    return out;
  }

  std::vector<Bits> patterns_of(const EvictableBlocks& blocks) const {
    std::vector<float> all;
    for (int64_t i = blocks.begin(); i < blocks.end(); ++i) all.push_back(blocks.score(i));
    const std::vector<int32_t> order = best_tokens(all, 0, static_cast<int64_t>(all.size()));
    std::vector<Bits> out(static_cast<size_t>(blocks.n_blocks()),
                          Bits(static_cast<size_t>(sizes_.block), 0));
    for (size_t rank = 0; rank < order.size() / 2; ++rank)
      out[static_cast<size_t>(order[rank] / sizes_.block)]
         [static_cast<size_t>(order[rank] % sizes_.block)] = 1;
    return out;
  }

  Bits anchor_of(const std::vector<Bits>& patterns) const {
    Bits anchor(static_cast<size_t>(sizes_.block), anchor_ == "ones" ? 1 : 0);
    std::minstd_rand draw(seed_ + 1);
    for (size_t i = 0; i < anchor.size(); ++i) {
      if (anchor_ == "alternating") anchor[i] = static_cast<char>(i % 2);
      if (anchor_ == "random") anchor[i] = static_cast<char>(draw() >> 16 & 1);
      if (anchor_ != "mean") continue;
      size_t n_set = 0;
      for (const Bits& pattern : patterns) n_set += static_cast<size_t>(pattern[i]);
      anchor[i] = 2 * n_set > patterns.size();
    }
    return anchor;
  }

  Child inner_;
  EvictableBlocks::Sizes sizes_;
  int64_t n_representatives_;
  std::string anchor_;
  uint32_t seed_;
};

}  // namespace

KVHOST_WRAPPER(KvCrush)
