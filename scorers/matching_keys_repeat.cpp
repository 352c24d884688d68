// SPDX-License-Identifier: Apache-2.0
// Keys for attention matching by queries of the model while it repeats the prompt. Paper:
// arXiv:2602.16284. Checked against: the formulas of its published code on test vectors.
#include "support/repeated_queries.hpp"

namespace {

using namespace kvhost::sdk;
using namespace kvhost::scorers;

class MatchingKeysRepeat {
 public:
  using Sequence = RepeatedQueries::Sequence;

  static Description describe() {
    return scorer("matching_keys_repeat")
        .summary("Attention that an entry gets of a repetition of the prompt, earlier tokens' too")
        .paper("arXiv:2602.16284")
        .reference("the formulas of its published code on test vectors")
        .notes(
            "matching_keys by the published queries `repeat`: the model reads the prompt once more "
            "behind words that ask to repeat it (those of kvzip; the published words are others), "
            "and every query of that sees every entry of the prompt. The full cache is held until "
            "then; the model needs a tokenizer.")
        .param(choice("rule", {"rms", "mean", "max"})
                   .doc("Over the queries: root of the mean square, mean, or largest"))
        .param(
            integer("n_queries", 4096)
                .min(0)
                .max(1 << 20)
                .doc("Queries of a KV head that are looked at, spread over the repetition; 0: all"))
        .uses(KVH_T_QUERY_WINDOW)
        .reads_prompt();
  }
  static const void* extension(const char* id) noexcept {
    return passes_extension<MatchingKeysRepeat>(id);
  }

  explicit MatchingKeysRepeat(const Args& args) : queries_(args) {
    check_plain(args);
    const std::string rule = args.choice("rule");
    share_ = rule == "rms" ? Share::Rms : rule == "mean" ? Share::Mean : Share::Max;
  }

  void needs(Needs& needs) const { queries_.need(needs); }
  PassCost pass_cost(const Prompt& prompt) const { return queries_.cost(prompt); }
  void next_pass(Sequence&, const Prompt& prompt, int64_t index, Pass& pass) const {
    queries_.fill(prompt, index, pass);
  }
  void observe_pass(Sequence& sequence, const Layer& layer, const Columns&) const {
    queries_.observe(sequence, layer);
  }

  void score(const Sequence& sequence, const Layer& layer, Scores& out) const {
    for (int32_t h = 0; h < layer.n_kv_heads(); ++h) {
      layer.check_cancelled();
      const Matched head = matched_keys(layer, h, RepeatedQueries::of(sequence, layer, h));
      share_of(head, share_, out.row(h));
    }
  }

 private:
  RepeatedQueries queries_;
  Share share_;
};

}  // namespace

KVHOST_SCORER(MatchingKeysRepeat)
