// SPDX-License-Identifier: Apache-2.0
// LAVa's scores. Paper: arXiv:2509.09754. Checked against: values of its published code.
#include "support/lava_scores.hpp"

namespace {

using namespace kvhost::sdk;
using kvhost::scorers::LavaSettings;

class LavaScores {
 public:
  static Description describe() {
    Description description = scorer("lava_scores")
                                  .summary("Pooled attention times the largest value of the head")
                                  .paper("arXiv:2509.09754")
                                  .reference("LAVa's published code, on test vectors")
                                  .notes("The published method is lava, which divides the budget "
                                         "over layers and heads too.");
    return LavaSettings::add(description);
  }

  explicit LavaScores(const Args& args) : settings_(args) {}

  void needs(Needs& needs) const { needs.window_attention(settings_.window_size); }

  void score(const Layer& layer, Scores& out) const {
    for_each_head(layer, [&](int32_t h) {
      const Head head = layer.head(h);
      const int64_t n = head.n_entries();
      const int64_t n_before = head.count_before(layer.n_seen() - settings_.window_size);
      const std::vector<float> scores = kvhost::scorers::lava_scores(head, n_before, settings_);
      std::copy(scores.begin(), scores.end(), out.row(h));
      std::fill(out.row(h) + n_before, out.row(h) + n, 0.0f);
      out.pin(h, n_before, n);
    });
    out.set_pinned_to_max_plus_one();
  }

 private:
  LavaSettings settings_;
};

}  // namespace

KVHOST_SCORER(LavaScores)
