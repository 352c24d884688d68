// SPDX-License-Identifier: Apache-2.0
// Keys for attention matching: those that get most of the attention that the whole prompt pays.
// Paper: arXiv:2602.16284. Checked against: the formulas of its published code on test vectors.
#include "support/matching.hpp"

namespace {

using namespace kvhost::sdk;
using namespace kvhost::scorers;

class MatchingKeys {
 public:
  static Description describe() {
    return scorer("matching_keys")
        .summary("Attention that an entry gets of all the prompt's queries, earlier ones too")
        .paper("arXiv:2602.16284")
        .reference("the formulas of its published code on test vectors")
        .notes(
            "The published HighestAttnKeys, which attention_matching selects by. Every query of the "
            "prompt sees every entry, later ones too, as published. Published with at most 50000 "
            "queries of a KV head, drawn at random; here n_queries, from the middle of equal "
            "stretches.")
        .param(choice("rule", {"rms", "mean", "max"}).doc(
            "Over the queries: root of the mean square, mean, or largest"))
        .param(integer("n_queries", 4096).min(0).max(1 << 20).doc(
            "Queries of a KV head that are looked at, spread over the prompt; 0: all"))
        .uses(KVH_T_QUERY_WINDOW);
  }

  explicit MatchingKeys(const Args& args) : queries_(args) {
    check_plain(args);
    const std::string rule = args.choice("rule");
    share_ = rule == "rms" ? Share::Rms : rule == "mean" ? Share::Mean : Share::Max;
  }

  void needs(Needs& needs) const { queries_.need(needs); }

  void score(const Layer& layer, Scores& out) const {
    for (int32_t h = 0; h < layer.n_kv_heads(); ++h) {
      layer.check_cancelled();
      share_of(matched_keys(layer, h, MatchedQueries::of(layer, h)), share_, out.row(h));
    }
  }

 private:
  Share share_;
  MatchedQueries queries_;
};

}  // namespace

KVHOST_SCORER(MatchingKeys)
