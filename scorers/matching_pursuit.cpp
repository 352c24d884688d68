// SPDX-License-Identifier: Apache-2.0
// Keys for attention matching, one after the other: orthogonal matching pursuit of the sums of the
// prompt's softmax. Paper: arXiv:2602.16284. Checked against: the formulas of its published code on
// test vectors.
#include "support/matching_pursuit.hpp"

namespace {

using namespace kvhost::sdk;
using namespace kvhost::scorers;

class MatchingPursuit {
 public:
  static Description describe() {
    return scorer("matching_pursuit")
        .summary("Entries that together make up the sums of the prompt's softmax, one after the other")
        .paper("arXiv:2602.16284")
        .reference("the formulas of its published code on test vectors")
        .notes(
            "The published AM-OMP: attention_matching(lowest_bias=-27.6,highest_bias=7,n_steps=0):"
            "matching_pursuit(at_once=1,solve_every=1); the defaults here are its -fast form. As many "
            "entries are taken as the layer's budget gives a KV head on average; behind them stand "
            "the others, by the attention they get.")
        .param(integer("n_queries", 4096).min(1).max(1 << 20).doc(
            "Queries of a KV head that are looked at, spread over the prompt"))
        .param(integer("at_once", 4).min(1).max(1 << 16).doc("Entries that are taken at once"))
        .param(integer("solve_every", 2).min(1).max(1 << 16).doc(
            "How often that is until the weights are solved anew"))
        .uses(KVH_T_QUERY_WINDOW)
        .needs_budget();
  }

  explicit MatchingPursuit(const Args& args) : queries_(args) {
    check_plain(args);
    rule_.at_once = args.integer("at_once");
    rule_.solve_every = args.integer("solve_every");
  }

  void needs(Needs& needs) const { queries_.need(needs); }

  void score(const Layer& layer, Scores& out) const {
    const int64_t n_heads = layer.n_kv_heads();
    const int64_t budget = (layer.layer_budget() + n_heads - 1) / n_heads;
    for (int32_t h = 0; h < layer.n_kv_heads(); ++h) {
      layer.check_cancelled();
      const Matched head = matched_keys(layer, h, MatchedQueries::of(layer, h));
      share_of(head, Share::Rms, out.row(h));  // at most 1
      const std::vector<int64_t> taken = Pursuit(head, rule_).take(budget);
      for (size_t i = 0; i < taken.size(); ++i)
        out.row(h)[taken[i]] = static_cast<float>(1 + taken.size() - i);
    }
  }

 private:
  MatchedQueries queries_;
  PursuitRule rule_;
};

}  // namespace

KVHOST_SCORER(MatchingPursuit)
