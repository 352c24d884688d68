// SPDX-License-Identifier: Apache-2.0
// KVCompose's composite tokens: the heads of a layer line up their entries from best to worst, the
// k-th of all heads together are worth the mean (or the most) of their scores, and the best such
// tuples of all layers stay. Every head of a layer keeps as many. Paper: arXiv:2509.05165. Checked
// against: kvpress 0.5.5 KVComposePress (structured).
#include <algorithm>
#include <functional>
#include <kvhost/sdk.hpp>
#include <numeric>

namespace {

using namespace kvhost::sdk;

class Composite {
 public:
  static Description describe() {
    return layer_allocator("composite")
        .summary("Ranks tuples of one entry of every head over all layers")
        .paper("arXiv:2509.05165")
        .default_inner("kvcompose")
        .reference("kvpress 0.5.5 KVComposePress")
        .notes(
            "The first layer's tuples count as much as the best of any layer at their rank, as in "
            "kvpress, so that no layer keeps more. A layer that would keep nothing keeps one "
            "entry a head, within the total; kvpress adds it. Of equal tuples the lower layer's "
            "stays.")
        .param(choice("agg_head", {"mean", "max"}).doc("What a tuple is worth, of its scores"))
        .param(integer("keep_token_lower_bound", 0)
                   .min(0)
                   .unit("entries")
                   .doc("Every layer keeps at least as many a head"))
        .needs_scores();
  }

  explicit Composite(const Args& args)
      : max_(args.choice("agg_head") == "max"), least_(args.integer("keep_token_lower_bound")) {}

  uint32_t when() const { return KVH_WHEN_AFTER_PREFILL; }

  void allocate(const LayerRequest& request, LayerAnswer& answer) const {
    std::vector<std::vector<float>> tuples;  // [n_layers][n] descending
    for (int32_t l = 0; l < request.n_layers(); ++l) tuples.push_back(tuples_of(request.scores(l)));
    for (size_t l = 1; l < tuples.size(); ++l)
      for (size_t i = 0; i < std::min(tuples[0].size(), tuples[l].size()); ++i)
        tuples[0][i] = std::max(tuples[0][i], tuples[l][i]);
    const int64_t n_heads = request.n_kv_heads();
    std::vector<int64_t> entries = best(tuples, request.total_entries() / n_heads);
    for (int64_t& n : entries) n *= n_heads;
    answer.entries(entries);
  }

 private:
  std::vector<float> tuples_of(const ScoreView& scores) const {
    std::vector<float> tuples;
    for (int32_t h = 0; h < scores.n_kv_heads(); ++h) {
      std::vector<float> row(scores.row(h), scores.row(h) + scores.n_entries(h));
      std::sort(row.begin(), row.end(), std::greater<>());
      if (tuples.empty()) tuples.resize(row.size(), 0.0f);
      for (size_t i = 0; i < row.size(); ++i)
        tuples[i] = max_ && h > 0 ? std::max(tuples[i], row[i]) : tuples[i] + row[i];
    }
    if (!max_)
      for (float& value : tuples) value /= static_cast<float>(scores.n_kv_heads());
    return tuples;
  }

  // How many of the best `total` tuples fall into each layer, after every layer's first few.
  std::vector<int64_t> best(const std::vector<std::vector<float>>& tuples, int64_t total) const {
    struct Place {
      float value;
      size_t layer;
    };
    std::vector<int64_t> counts;
    std::vector<Place> rest;
    const auto share = total / static_cast<int64_t>(tuples.size());
    for (size_t l = 0; l < tuples.size(); ++l) {
      const auto n = static_cast<int64_t>(tuples[l].size());
      counts.push_back(std::min({std::max<int64_t>(least_, 1), share, n}));
      for (int64_t i = counts.back(); i < n; ++i)
        rest.push_back({tuples[l][static_cast<size_t>(i)], l});
    }
    const int64_t safe = std::accumulate(counts.begin(), counts.end(), int64_t{0});
    std::stable_sort(rest.begin(), rest.end(), [](const Place& a, const Place& b) {
      return a.value > b.value;  // layers were visited in ascending order
    });
    const auto left = std::min<int64_t>(total - safe, static_cast<int64_t>(rest.size()));
    for (int64_t i = 0; i < left; ++i) ++counts[rest[static_cast<size_t>(i)].layer];
    return counts;
  }

  bool max_;
  int64_t least_;
};

}  // namespace

KVHOST_LAYER_ALLOCATOR(Composite)
