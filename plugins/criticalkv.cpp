// SPDX-License-Identifier: Apache-2.0
// CriticalKV: half of the budget by the inner score, the other half by that score times how much an
// entry's value can move the layer's output (the L1 norm of its value through the output
// projection). Paper: arXiv:2502.03805. Checked against: kvpress 0.5.5 CriticalKVPress.
#include <kvhost/torch.hpp>

#include "support/best_entries.hpp"
#include "support/projected_norms.hpp"

namespace {

using namespace kvhost::sdk;

class CriticalKv {
 public:
  static Description describe() {
    return wrapper("criticalkv")
        .summary("Weights the inner score by the norm of the projected value, after a first stage")
        .paper("arXiv:2502.03805")
        .default_inner("snapkv")
        .reference("kvpress 0.5.5 CriticalKVPress")
        .notes(
            "In kvpress entries that the inner scorer protects are only numbers (the maximum plus "
            "one) that stage 2 multiplies like any other; that is protect_inner=kvpress, the "
            "default. The paper keeps SnapKV's window outright: protect_inner=pins. Stage 1 gets "
            "first_stage_ratio of the average head budget, at least one entry. Norms are float32, "
            "in kvpress of the model's dtype.")
        .param(real("epsilon", 1e-4)
                   .min(0)
                   .doc("Added to the inner score, so that large values count where it is zero"))
        .param(real("first_stage_ratio", 0.5)
                   .min(0)
                   .max(1)
                   .doc("Share of the budget given by the inner score alone"))
        .param(choice("protect_inner", {"kvpress", "pins"})
                   .doc("Whether entries pinned by the inner scorer compete as numbers or stay"))
        .uses(KVH_T_OUTPUT_WEIGHT)
        .needs_budget()
        .decodes();
  }

  explicit CriticalKv(const Args& args)
      : inner_(args.child()),
        epsilon_(args.real("epsilon")),
        first_stage_ratio_(args.real("first_stage_ratio")),
        keep_pins_(args.choice("protect_inner") == "pins") {}

  void needs(Needs& needs) const { needs.add(KVH_T_OUTPUT_WEIGHT); }

  void score(const Layer& layer, Scores& out) const {
    const int64_t first_stage = first_stage_entries(layer);
    inner_.score(layer, out);
    out.set_pinned_to_max_plus_one();
    // [n_kv_heads, kv_len]
    const std::vector<float> norms = kvhost::plugins::projected_norms(layer);
    for_each_head(layer, [&](int32_t h) {
      if (!keep_pins_) std::fill_n(out.pin_row(h), out.n_entries(h), int8_t{0});
      rescale(out, h, first_stage, norms.data() + h * layer.kv_len());
    });
  }

 private:
  int64_t first_stage_entries(const Layer& layer) const {
    const double per_head =
        static_cast<double>(layer.layer_budget()) / static_cast<double>(layer.n_kv_heads());
    const auto entries = static_cast<int64_t>(per_head * first_stage_ratio_ + 1e-9);
    const bool any = first_stage_ratio_ > 0 && layer.layer_budget() > 0;
    return any ? std::max<int64_t>(entries, 1) : 0;
  }

  // The first stage is pinned; everything else is scored anew.
  void rescale(Scores& out, int32_t h, int64_t first_stage, const float* norms) const {
    const int64_t n = out.n_entries(h);
    float* scores = out.row(h);
    const std::vector<int8_t> no_pins(static_cast<size_t>(n), 0);
    const auto best = kvhost::plugins::best_entries(scores, no_pins.data(), n, first_stage);
    for (int64_t i = 0; i < n; ++i) {
      scores[i] = (scores[i] + static_cast<float>(epsilon_)) * norms[i];
    }
    for (const int32_t i : best) {
      int8_t& pin = out.pin_row(h)[i];
      pin = std::max<int8_t>(pin, 1);
    }
  }

  Child inner_;
  double epsilon_;
  double first_stage_ratio_;
  bool keep_pins_;
};

}  // namespace

KVHOST_WRAPPER(CriticalKv)
