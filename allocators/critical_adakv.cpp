// SPDX-License-Identifier: Apache-2.0
// Critical AdaKV: AdaKV's budgets per head, filled in CriticalKV's two stages: half by score, half
// by the score times how much the entry's value can move the output. Paper: arXiv:2502.03805.
// Checked against: kvpress 0.5.5 CriticalAdaKVPress.
#include <kvhost/torch.hpp>

#include "joint_select.hpp"
#include "support/best_entries.hpp"
#include "support/projected_norms.hpp"

namespace {

using namespace kvhost::sdk;

class CriticalAdaKv {
 public:
  static Description describe() {
    return head_allocator("critical_adakv")
        .summary("AdaKV's head budgets, filled by score first and by projected value norms then")
        .paper("arXiv:2502.03805")
        .default_inner("snapkv")
        .reference("kvpress 0.5.5 CriticalAdaKVPress")
        .notes(
            "The same as adakv for the sizes of heads; adakv:criticalkv:... lets heads compete by "
            "the two-stage scores instead. In stage 2 entries that the inner scorer protects are "
            "its largest score plus one, multiplied like any other, as in kvpress.")
        .param(real("alpha_safeguard", 0.20)
                   .min(0)
                   .max(1)
                   .doc("Share of an equal split that every head keeps; 1 is an equal split"))
        .param(real("epsilon", 1e-4)
                   .min(0)
                   .doc("Added to the inner score, so that large values count where it is zero"))
        .param(real("first_stage_ratio", 0.5)
                   .min(0)
                   .max(1)
                   .doc("Share of a head's budget given by the inner score alone"))
        .uses(KVH_T_OUTPUT_WEIGHT)
        .edits_scores()
        .decodes();
  }

  explicit CriticalAdaKv(const Args& args)
      : alpha_safeguard_(args.real("alpha_safeguard")),
        epsilon_(args.real("epsilon")),
        first_stage_ratio_(args.real("first_stage_ratio")) {}

  void needs(Needs& needs) const { needs.add(KVH_T_OUTPUT_WEIGHT); }

  std::vector<int64_t> allocate(const Layer& layer, const Scores& scores) const {
    scores.set_pinned_to_max_plus_one();
    const int64_t safe = safe_entries(layer);
    std::vector<kvhost::allocators::Candidates> heads;
    for (int32_t h = 0; h < layer.n_kv_heads(); ++h) {
      const Head head = layer.head(h);
      const int64_t n = head.n_entries();
      heads.push_back({scores.row(h), scores.pin_row(h), head.positions(), n, std::min(safe, n)});
    }
    const auto budgets = kvhost::allocators::joint_counts(heads, layer.layer_budget());
    const std::vector<float> norms = kvhost::plugins::projected_norms(layer);
    for_each_head(layer, [&](int32_t h) {
      const auto first = static_cast<int64_t>(static_cast<double>(budgets[static_cast<size_t>(h)]) *
                                              first_stage_ratio_);
      rescore(scores, h, std::max(first, safe), norms.data() + h * layer.kv_len());
    });
    return budgets;
  }

 private:
  int64_t safe_entries(const Layer& layer) const {
    const int64_t per_head = layer.layer_budget() / layer.n_kv_heads();
    const auto safe = static_cast<int64_t>(alpha_safeguard_ * static_cast<double>(per_head));
    return alpha_safeguard_ > 0 && per_head > 0 ? std::max<int64_t>(safe, 1) : safe;
  }

  // The best `first` entries stay; the others compete by their score times the norm.
  void rescore(const Scores& scores, int32_t h, int64_t first, const float* norms) const {
    const int64_t n = scores.n_entries(h);
    float* row = scores.row(h);
    int8_t* pins = scores.pin_row(h);
    const auto best = kvhost::plugins::best_entries(row, pins, n, first);
    std::fill_n(pins, n, int8_t{0});
    for (int64_t i = 0; i < n; ++i) row[i] = (row[i] + static_cast<float>(epsilon_)) * norms[i];
    for (const int32_t i : best) pins[i] = 1;
  }

  double alpha_safeguard_, epsilon_, first_stage_ratio_;
};

}  // namespace

KVHOST_HEAD_ALLOCATOR(CriticalAdaKv)
