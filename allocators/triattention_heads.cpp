// SPDX-License-Identifier: Apache-2.0
// TriAttention's published modes in which heads keep the same positions: all of them in all layers
// (union), or each KV head the same ones in all layers (per_head). Paper: arXiv:2604.04921. Checked
// against: the formulas of its published code.
#include <map>
#include <numeric>

#include "support/centre_scores.hpp"

namespace {

using namespace kvhost::sdk;
using namespace kvhost::scorers;

// What all layers say of one position.
struct Place {
  double sum = 0;       // over the heads that hold it, of the largest score of their group
  float most = 0;       // the largest of all
  int64_t n_heads = 0;  // that hold it
  bool chosen = false;  // union: among the best of some query head
};
using Ranking = std::map<int32_t, Place>;  // by position

class TriAttentionHeads {
 public:
  struct Sequence {
    std::vector<Ranking> rankings;  // one for all heads (union), or one per KV head
  };

  static Description describe() {
    return head_allocator("triattention_heads")
        .summary("Attention that average queries would pay, ranked over all layers: same positions in all")
        .paper("arXiv:2604.04921")
        .reference("the formulas of its published code")
        .notes(
            "The published modes that decide over all layers; triattention is the third. per_head: of "
            "a KV head the mean over layers of the largest standardised score of its group. union: "
            "every query head of every layer takes as many as there is room for, of these stay the "
            "best by the largest score of all; where they are fewer, the others follow by it. The "
            "prompt's entries stay while generating and are no candidates. Where heads hold different "
            "positions, as behind a prompt that was cut unevenly, a position counts by those that hold "
            "it. Reads the file of triattention.")
        .param(file("file").doc("The centres, as a path or a name inside the model's folder; none: "
                                "triattention.safetensors there"))
        .param(choice("mode", {"per_head", "union"}).doc("Whose positions are the same"))
        .param(integer("farthest", 65536)
                   .min(1)
                   .max(1 << 20)
                   .unit("positions")
                   .doc("Queries are taken 1, 2, 4, ... positions later, up to so many"))
        .param(choice("over_offsets", {"mean", "max"}).doc(
            "Whether an entry counts by its average over these queries, or its best"))
        .needs_no_scorer()
        .edits_scores()
        .decides_late()
        .decodes();
  }

  explicit TriAttentionHeads(const Args& args)
      : union_(args.choice("mode") == "union"),
        queries_(args.integer("farthest"), args.choice("over_offsets") == "max") {
    if (args.model()) centres_ = std::make_unique<CentreFile>(*args.model(), args.file("file"));
  }

  uint32_t when() const { return KVH_WHEN_AFTER_PREFILL; }

  void observe(Sequence& sequence, const Layer& layer) const {
    centres_->check(layer);
    const auto n_rankings = union_ ? size_t{1} : static_cast<size_t>(layer.n_kv_heads());
    if (layer.index() == 0) sequence.rankings.assign(n_rankings, Ranking{});
    for (int32_t h = 0; h < layer.n_kv_heads(); ++h) {
      Ranking& ranking = sequence.rankings[union_ ? 0 : static_cast<size_t>(h)];
      add_head(layer, h, ranking);
    }
  }

  std::vector<int64_t> allocate(Sequence& sequence, const Layer& layer, const Scores& scores) const {
    for (int32_t h = 0; h < layer.n_kv_heads(); ++h) {
      const Ranking& ranking = sequence.rankings[union_ ? 0 : static_cast<size_t>(h)];
      const Head head = layer.head(h);
      const int64_t n = head.n_entries(), first = n_of_prompt(layer, head);
      scores.pin(h, 0, first);
      for (int64_t i = first; i < n; ++i) {
        const Place& place = ranking.at(head.position(i));
        const double mean = place.sum / static_cast<double>(place.n_heads);
        scores.row(h)[i] = union_ ? place.most : static_cast<float>(mean);
        scores.pin_row(h)[i] = union_ && !place.chosen ? -1 : 0;
      }
    }
    const auto n_heads = static_cast<size_t>(layer.n_kv_heads());
    Bounds bounds;
    for (size_t h = 0; h < n_heads; ++h) {
      bounds.min.push_back(0);
      bounds.max.push_back(layer.head(static_cast<int32_t>(h)).n_entries());
    }
    return apportion(std::vector<double>(n_heads, 1.0), layer.layer_budget(), bounds);
  }

 private:
  void add_head(const Layer& layer, int32_t h, Ranking& ranking) const {
    const Head head = layer.head(h);
    const int64_t first = n_of_prompt(layer, head), n = head.n_entries();
    std::vector<float> best(static_cast<size_t>(n - first), -std::numeric_limits<float>::infinity());
    for (int64_t g = 0; g < layer.group_size(); ++g) {
      layer.check_cancelled();
      const std::vector<float> scores = centres_->standardised(
          layer, head, h * layer.group_size() + g, first, queries_);
      for (size_t i = 0; i < best.size(); ++i) best[i] = std::max(best[i], scores[i]);
      if (!union_) continue;
      for (const int64_t i : largest(scores, room(layer) - first))
        ranking[head.position(first + i)].chosen = true;
    }
    for (size_t i = 0; i < best.size(); ++i) {
      Place& place = ranking[head.position(first + static_cast<int64_t>(i))];
      place.most = place.n_heads == 0 ? best[i] : std::max(place.most, best[i]);
      place.sum += best[i];
      ++place.n_heads;
    }
  }

  // Entries a head keeps.
  static int64_t room(const Layer& layer) {
    const kvh_model& model = layer.model();
    return layer.total_entries() / (int64_t{model.n_layers} * model.n_kv_heads);
  }

  // Indices of the `most` largest.
  static std::vector<int64_t> largest(const std::vector<float>& scores, int64_t most) {
    std::vector<int64_t> order(scores.size());
    std::iota(order.begin(), order.end(), int64_t{0});
    const int64_t taken = std::clamp<int64_t>(most, 0, static_cast<int64_t>(scores.size()));
    std::partial_sort(
        order.begin(), order.begin() + taken, order.end(), [&](int64_t a, int64_t b) {
          const float x = scores[static_cast<size_t>(a)], y = scores[static_cast<size_t>(b)];
          return x != y ? x > y : a < b;
        });
    order.resize(static_cast<size_t>(taken));
    return order;
  }

  bool union_;
  FutureQueries queries_;
  std::unique_ptr<CentreFile> centres_;  // none: described, not run
};

}  // namespace

KVHOST_HEAD_ALLOCATOR(TriAttentionHeads)
