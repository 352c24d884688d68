// SPDX-License-Identifier: Apache-2.0
// LAVa: layers whose scores are spread over many entries get more. Paper: arXiv:2509.09754. Checked
// against: values of its published code.
#include "support/lava_scores.hpp"

namespace {

using namespace kvhost::sdk;
using kvhost::scorers::LavaSettings;

class LavaLayers {
 public:
  struct Sequence {
    std::vector<double> entropies;  // of the layers seen so far
  };

  static Description describe() {
    Description description =
        layer_allocator("lava_layers")
            .summary("Layers by the entropy of attention times the size of values")
            .paper("arXiv:2509.09754")
            .default_inner("lava_scores")
            .reference("LAVa's published code, on test vectors")
            .notes(
                "Every layer keeps its window; the rest goes by entropy. The published code cuts "
                "each layer anew with every layer that follows, and rounds down; here the total is "
                "met exactly.")
            .decides_late();
    return LavaSettings::add(description);
  }

  explicit LavaLayers(const Args& args) : settings_(args) {}

  void needs(Needs& needs) const { needs.window_attention(settings_.window_size); }

  uint32_t when() const { return KVH_WHEN_MONOTONE; }

  void observe(Sequence& sequence, const Layer& layer) const {
    if (layer.index() == 0) sequence.entropies.clear();
    std::vector<double> all;
    for (int32_t h = 0; h < layer.n_kv_heads(); ++h) {
      layer.check_cancelled();
      const Head head = layer.head(h);
      const int64_t n = head.count_before(layer.n_seen() - settings_.window_size);
      for (const float x : kvhost::scorers::lava_scores(head, n, settings_)) all.push_back(x);
    }
    sequence.entropies.push_back(entropy(all));
  }

  void allocate(Sequence& sequence, const LayerRequest& request, LayerAnswer& answer) const {
    const double window = static_cast<double>(request.n_kv_heads()) *
                          static_cast<double>(std::min(settings_.window_size, request.kv_len()));
    const double rest = std::max(
        static_cast<double>(request.total_entries()) - window * request.n_layers(), 0.0);
    const double whole =
        std::accumulate(sequence.entropies.begin(), sequence.entropies.end(), 0.0);
    std::vector<double> shares;
    for (const double e : sequence.entropies) {
      const double part =
          whole > 0 ? e / whole : 1 / static_cast<double>(sequence.entropies.size());
      shares.push_back(window + part * rest);
    }
    answer.shares(shares);
    answer.observed("lava_entropy", sequence.entropies);
  }

 private:
  // Of shares of all scores, 1 where they are equal.
  static double entropy(const std::vector<double>& scores) {
    const double sum = std::accumulate(scores.begin(), scores.end(), 0.0) + 1e-16;
    double out = 0;
    for (const double x : scores) out -= x / sum * std::log(x / sum + 1e-16);
    return scores.size() > 1 ? out / std::log(static_cast<double>(scores.size())) : 0;
  }

  LavaSettings settings_;
};

}  // namespace

KVHOST_LAYER_ALLOCATOR(LavaLayers)
