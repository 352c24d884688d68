// SPDX-License-Identifier: Apache-2.0
// Compactor: leverage of the keys, blended into non-causal attention; no query of the user decides.
// Paper: arXiv:2507.08143. Checked against: kvpress 0.5.5 CompactorPress.
#include "support/compactor_scores.hpp"
#include "support/finite.hpp"

namespace {

using namespace kvhost::sdk;
using namespace kvhost::scorers;

class Compactor {
 public:
  static Description describe() {
    return scorer("compactor")
        .summary("Leverage of the keys blended into attention without the causal mask")
        .paper("arXiv:2507.08143")
        .reference("kvpress 0.5.5 CompactorPress")
        .notes(
            "rule=exact: the first and last tokens always stay and attention is as in "
            "non_causal(rule=exact). rule=kvpress: they have the largest score of the others, so "
            "that they tie with it, and attention is as in non_causal(rule=kvpress). The "
            "projection is as in leverage. A prompt without tokens between the two ends is kept "
            "whole; kvpress fails on it. Behind a sliding window or an earlier cut all of it goes by "
            "the entries that are left.")
        .param(integer("sink_size_start", 8)
                   .min(0)
                   .unit("tokens")
                   .doc("First tokens that always stay"))
        .param(
            integer("sink_size_end", 4).min(0).unit("tokens").doc("Last tokens that always stay"))
        .param(integer("chunk_size", 256)
                   .min(1)
                   .unit("tokens")
                   .doc("Tokens that see each other; larger costs more"))
        .param(integer("sketch_dimension", 48)
                   .min(1)
                   .max(4096)
                   .doc("Columns of the projection; larger is closer to exact leverage"))
        .param(optional_real("blending")
                   .doc("Weight of leverage beside attention; none: the share of the layer that is "
                        "evicted"))
        .param(choice("rule", {"exact", "kvpress"}).doc("Both ends and the attention, see notes"))
        .param(Sketch::param(
            "Raw float32 [n_layers, n_kv_heads, head_dim, sketch_dimension] of standard normal "
            "draws to use instead of the seed's"))
        .uses(KVH_T_QUERY_WINDOW)
        .needs_budget();
  }

  explicit Compactor(const Args& args)
      : sink_size_start_(args.integer("sink_size_start")),
        sink_size_end_(args.integer("sink_size_end")),
        sketch_dimension_(args.integer("sketch_dimension")),
        kvpress_rule_(args.choice("rule") == "kvpress"),
        attention_{args.integer("chunk_size"), kvpress_rule_},
        sketch_(args, per_layer(args, sketch_dimension_)),
        blending_(args.optional_real("blending")) {}

  void needs(Needs& needs) const { needs.add(KVH_T_QUERY_WINDOW, /*window=*/0); }

  void score(const Layer& layer, Scores& out) const {
    const int64_t total = layer.n_seen(), begin = std::min(sink_size_start_, total);
    const EntryRanges middle(layer, begin, total - std::min(sink_size_end_, total - begin));
    const bool any = middle.total() > 0;
    std::vector<float> scores;
    if (any) scores = blend(layer, middle);
    const float highest = any ? *std::max_element(scores.begin(), scores.end()) : 0.0f;
    for (int32_t h = 0; h < layer.n_kv_heads(); ++h) {
      const int64_t n = out.n_entries(h);
      require_finite(layer.head(h).keys(), 0, n, "key");
      std::fill_n(out.row(h), n, highest);
      std::copy_n(
          scores.begin() + middle.offset(h), middle.size(h), out.row(h) + middle.begin(h));
      if (kvpress_rule_ && any) continue;
      out.pin(h, 0, middle.begin(h));
      out.pin(h, middle.end(h), n);
    }
  }

 private:
  std::vector<float> blend(const Layer& layer, const EntryRanges& entries) const {
    const std::vector<float> leverage =
        leverage_scores(layer, entries, sketch_.of(layer), sketch_dimension_);
    std::vector<float> scores = non_causal_scores(layer, entries, attention_);
    const auto weight = static_cast<float>(blending_ ? *blending_ : evicted_share(layer));
    for (size_t i = 0; i < scores.size(); ++i) scores[i] += weight * leverage[i];
    return scores;
  }

  // Of what the layer holds.
  static double evicted_share(const Layer& layer) {
    int64_t all = 0;
    for (int32_t h = 0; h < layer.n_kv_heads(); ++h) all += layer.head(h).n_entries();
    return 1 - static_cast<double>(layer.layer_budget()) / static_cast<double>(all);
  }

  static int64_t per_layer(const Args& args, int64_t k) {
    return args.model() ? args.model()->n_kv_heads * args.model()->head_dim * k : 0;
  }

  int64_t sink_size_start_, sink_size_end_, sketch_dimension_;
  bool kvpress_rule_;
  NonCausalSettings attention_;
  Sketch sketch_;
  std::optional<double> blending_;
};

}  // namespace

KVHOST_SCORER(Compactor)
