// SPDX-License-Identifier: Apache-2.0
// LAVa's division of a layer over its heads: by how many of the layer's best entries each has,
// drawn towards an equal split. Paper: arXiv:2509.09754. Checked against: its definition.
#include <kvhost/sdk.hpp>

#include "joint_select.hpp"

namespace {

using namespace kvhost::sdk;

class LavaHeads {
 public:
  static Description describe() {
    return head_allocator("lava_heads")
        .summary("Heads by their share of the layer's best entries, blended with an equal split")
        .paper("arXiv:2509.09754")
        .default_inner("lava_scores")
        .reference("the definition in LAVa's published code")
        .notes(
            "The published code rounds each head for itself, and takes the floor from the budget "
            "that was configured, so that sums miss the layer's; here they are met exactly. Pinned "
            "entries come first.")
        .param(real("floor_alpha", 0.2).min(0).max(1).doc("Weight of the equal split; 1 is one"))
        .decodes();
  }

  explicit LavaHeads(const Args& args) : floor_alpha_(args.real("floor_alpha")) {}

  std::vector<int64_t> allocate(const Layer& layer, const ScoreView& scores) const {
    const int64_t budget = layer.layer_budget();
    std::vector<kvhost::allocators::Candidates> heads;
    std::vector<int64_t> pinned;
    for (int32_t h = 0; h < layer.n_kv_heads(); ++h) {
      const int64_t n = scores.n_entries(h);
      heads.push_back({scores.row(h), scores.pin_row(h), layer.head(h).positions(), n, 0});
      pinned.push_back(std::count_if(
          scores.pin_row(h), scores.pin_row(h) + n, [](int8_t pin) { return pin > 0; }));
    }
    const std::vector<int64_t> best = kvhost::allocators::joint_counts(heads, budget);
    const int64_t n_pinned = std::accumulate(pinned.begin(), pinned.end(), int64_t{0});
    if (n_pinned >= budget) return best;
    const double even = static_cast<double>(budget - n_pinned) / layer.n_kv_heads();
    std::vector<double> shares;
    Bounds bounds;
    for (size_t h = 0; h < heads.size(); ++h) {
      const auto own = static_cast<double>(best[h] - pinned[h]);
      shares.push_back((1 - floor_alpha_) * own + floor_alpha_ * even);
      bounds.min.push_back(0);
      bounds.max.push_back(heads[h].n - pinned[h]);
    }
    std::vector<int64_t> out = apportion(shares, budget - n_pinned, bounds);
    for (size_t h = 0; h < out.size(); ++h) out[h] += pinned[h];
    return out;
  }

 private:
  double floor_alpha_;
};

}  // namespace

KVHOST_HEAD_ALLOCATOR(LavaHeads)
