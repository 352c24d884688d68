// SPDX-License-Identifier: Apache-2.0
// One ranking of all entries of all layers and heads: what is among the best stays, wherever it
// lies. Papers: KVzip (arXiv:2505.23416), Layer-DefensiveKV (arXiv:2510.13334). Checked against:
// kvpress 0.5.5 KVzipPress.
#include <kvhost/sdk.hpp>
#include <numeric>

#include "joint_select.hpp"

namespace {

using namespace kvhost::sdk;

class Joint {
 public:
  static Description describe() {
    return layer_allocator("joint")
        .summary("Ranks the entries of all layers and heads together by their scores")
        .paper("arXiv:2505.23416")
        .reference("kvpress 0.5.5 KVzipPress")
        .notes(
            "Holds the full cache until all layers are scored. Scores must be comparable between "
            "layers: attention is, norms of keys are not. A head allocator inside divides each "
            "layer's entries anew. Of the same score, the lower position stays, then the lower "
            "layer.")
        .param(choice("heads", {"joint", "even"})
                   .doc("Whether heads compete as well, or share their layer's entries evenly"))
        .param(real("alpha_safeguard", 0)
                   .min(0)
                   .max(1)
                   .doc("Share of the average head's entries that every head keeps in any case"))
        .needs_scores()
        .decodes();
  }

  explicit Joint(const Args& args)
      : even_(args.choice("heads") == "even"), alpha_(args.real("alpha_safeguard")) {}

  uint32_t when() const { return KVH_WHEN_AFTER_PREFILL; }

  void allocate(const LayerRequest& request, LayerAnswer& answer) const {
    const int32_t n_heads = request.n_kv_heads();
    const auto safe = static_cast<int64_t>(alpha_ * request.entries_per_head());
    std::vector<int32_t> places(static_cast<size_t>(request.kv_len()));
    std::iota(places.begin(), places.end(), 0);
    std::vector<kvhost::allocators::Candidates> heads;
    for (int32_t l = 0; l < request.n_layers(); ++l) {
      const ScoreView scores = request.scores(l);
      for (int32_t h = 0; h < n_heads; ++h) {
        const int64_t n = scores.n_entries(h);
        // A sliding window holds the last tokens only.
        const int32_t* positions = places.data() + (request.kv_len() - n);
        heads.push_back({scores.row(h), scores.pin_row(h), positions, n, std::min(n, safe)});
      }
    }
    const auto counts = kvhost::allocators::joint_counts(heads, request.total_entries());
    if (!even_) return answer.head_entries(counts);
    std::vector<int64_t> entries(static_cast<size_t>(request.n_layers()));
    for (size_t i = 0; i < counts.size(); ++i)
      entries[i / static_cast<size_t>(n_heads)] += counts[i];
    answer.entries(entries);
  }

 private:
  bool even_;
  double alpha_;
};

}  // namespace

KVHOST_LAYER_ALLOCATOR(Joint)
