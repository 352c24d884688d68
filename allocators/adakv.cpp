// SPDX-License-Identifier: Apache-2.0
// AdaKV: the layer's budget goes to the best entries over all heads, after each head's own best few
// are safe. Paper: arXiv:2407.11550. Checked against: kvpress 0.5.5 AdaKVPress.
#include <kvhost/sdk.hpp>

#include "joint_select.hpp"

namespace {

using namespace kvhost::sdk;

class AdaKv {
 public:
  static Description describe() {
    return head_allocator("adakv")
        .summary("Lets heads compete for the layer's budget by score, with a safe share for each")
        .paper("arXiv:2407.11550")
        .default_inner("snapkv")
        .reference("kvpress 0.5.5 AdaKVPress")
        .notes(
            "The safe share is floor(alpha_safeguard * floor(layer_budget / n_kv_heads)), at "
            "least 1 when alpha_safeguard > 0, as in kvpress 0.5.5. kvpress masks evicted entries "
            "and keeps their bytes; here they are freed, and the kept set is the same.")
        .param(real("alpha_safeguard", 0.20)
                   .min(0)
                   .max(1)
                   .doc("Share of an equal split that every head keeps; 1 is an equal split"))
        .decodes();
  }

  explicit AdaKv(const Args& args) : alpha_safeguard_(args.real("alpha_safeguard")) {}

  std::vector<int64_t> allocate(const Layer& layer, const ScoreView& scores) const {
    const int64_t per_head = layer.layer_budget() / layer.n_kv_heads();
    auto safe = static_cast<int64_t>(alpha_safeguard_ * static_cast<double>(per_head));
    if (alpha_safeguard_ > 0 && per_head > 0) safe = std::max<int64_t>(safe, 1);

    std::vector<kvhost::allocators::Candidates> heads;
    for (int32_t h = 0; h < layer.n_kv_heads(); ++h) {
      const Head head = layer.head(h);
      const int64_t n = head.n_entries();
      heads.push_back({scores.row(h), scores.pin_row(h), head.positions(), n, std::min(safe, n)});
    }
    return kvhost::allocators::joint_counts(heads, layer.layer_budget());
  }

 private:
  double alpha_safeguard_;
};

}  // namespace

KVHOST_HEAD_ALLOCATOR(AdaKv)
