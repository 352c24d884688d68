// SPDX-License-Identifier: Apache-2.0
// TriAttention: before they are rotated, a head's queries lie around one centre, so that what later
// queries will attend to can be told from keys and positions alone. Made for long answers. Paper:
// arXiv:2604.04921. Checked against: values of its published code.
#include "support/centre_scores.hpp"
#include "support/query_observer.hpp"

namespace {

using namespace kvhost::sdk;
using namespace kvhost::scorers;

// Mean, and mean absolute value, of each pair of channels of the queries before rotation.
class QueryCentres {
 public:
  static Description describe() {
    return scorer("triattention_centres")
        .summary("Collects the centres of queries")
        .paper("arXiv:2604.04921")
        .uses(KVH_T_QUERY_WINDOW);
  }

  explicit QueryCentres(const Args& args) : model_(*args.model()) {
    const kvh_rope* rope = model_.layers[0]->rope;
    if (!rope) throw Error(KVH_E_UNSUPPORTED, "", "the model rotates nothing; expected RoPE");
    n_pairs_ = static_cast<size_t>(rope->rotary_dim) / 2;
    const auto n = static_cast<size_t>(model_.n_layers) * static_cast<size_t>(model_.n_heads);
    counts_.assign(n, 0);
    for (auto* sums : {&real_, &imag_, &absolute_})
      sums->assign(n, std::vector<double>(n_pairs_, 0.0));
  }

  void needs(Needs& needs) const { needs.add(KVH_T_QUERY_WINDOW, 0); }

  void observe(const Layer& layer) {
    for_each_query(layer, /*n_sink=*/0, /*unrotated=*/true, [&](int64_t j, const float* query) {
      const auto at = static_cast<size_t>(layer.index() * int64_t{model_.n_heads} + j);
      ++counts_[at];
      for (size_t f = 0; f < n_pairs_; ++f) {
        const double a = query[f], b = query[f + n_pairs_];
        real_[at][f] += a;
        imag_[at][f] += b;
        absolute_[at][f] += std::sqrt(a * a + b * b);
      }
    });
  }

  void finish(Learned& out) const {
    hand_over(out, "q_mean_real", real_);
    hand_over(out, "q_mean_imag", imag_);
    hand_over(out, "q_abs_mean", absolute_);
  }

 private:
  void hand_over(Learned& out, const char* name, const std::vector<std::vector<double>>& sums) const {
    std::vector<float> means;
    for (size_t at = 0; at < sums.size(); ++at)
      for (const double sum : sums[at])
        means.push_back(static_cast<float>(sum / static_cast<double>(counts_[at])));
    out.tensor(name, {model_.n_layers, model_.n_heads, static_cast<int64_t>(n_pairs_)}, means);
  }

  kvh_model model_;  // its numbers
  size_t n_pairs_ = 0;
  std::vector<int64_t> counts_;                               // by layer and query head
  std::vector<std::vector<double>> real_, imag_, absolute_;  // likewise: [n_pairs]
};

class TriAttention {
 public:
  static Description describe() {
    return scorer("triattention")
        .summary("Attention that average queries at later positions would pay, by its series")
        .paper("arXiv:2604.04921")
        .reference("the functions of its published code on test vectors")
        .notes(
            "Needs the centres of the model's queries, a safetensors file that `kvhost calibrate "
            "triattention` makes; the published ones are PyTorch files. Scores of every query head "
            "are standardised over the entries, then the largest of a group counts: the published "
            "mode per_layer_perhead; triattention_heads has the other two. In float64 sums, published in float32. A prompt as large "
            "as the budget leaves nothing for what was generated, as published.")
        .param(file("file").doc("The centres, as a path or a name inside the model's folder; none: "
                                "triattention.safetensors there"))
        .param(integer("farthest", 65536)
                   .min(1)
                   .max(1 << 20)
                   .unit("positions")
                   .doc("Queries are taken 1, 2, 4, ... positions later, up to so many"))
        .param(choice("over_offsets", {"mean", "max"}).doc(
            "Whether an entry counts by its average over these queries, or its best"))
        .param(integer("window_size", 0)
                   .min(0)
                   .max(4096)
                   .unit("tokens")
                   .doc("Last entries that always stay; published: none, or 128"))
        .param(boolean("protect_prompt", true)
                   .doc("While generating the prompt's entries stay; what was generated competes"))
        .decodes();
  }

  explicit TriAttention(const Args& args)
      : window_size_(args.integer("window_size")),
        protect_prompt_(args.flag("protect_prompt")),
        queries_(args.integer("farthest"), args.choice("over_offsets") == "max") {
    if (args.model()) centres_ = std::make_unique<CentreFile>(*args.model(), args.file("file"));
  }

  static const void* extension(const char* id) noexcept {
    return calibrate_extension<QueryCentres>(id, "triattention.safetensors");
  }

  void score(const Layer& layer, Scores& out) const {
    centres_->check(layer);
    for_each_head(layer, [&](int32_t h) {
      const Head head = layer.head(h);
      const int64_t n = head.n_entries(), first = protect_prompt_ ? n_of_prompt(layer, head) : 0;
      std::fill(out.row(h), out.row(h) + n, -std::numeric_limits<float>::infinity());
      for (int64_t g = 0; g < layer.group_size(); ++g) {
        layer.check_cancelled();
        const std::vector<float> scores = centres_->standardised(
            layer, head, h * layer.group_size() + g, first, queries_);
        for (size_t i = 0; i < scores.size(); ++i) {
          float& best = out.row(h)[first + static_cast<int64_t>(i)];
          best = std::max(best, scores[i]);
        }
      }
      std::fill(out.row(h), out.row(h) + first, 0.0f);
      out.pin(h, 0, first);
      out.pin(h, std::max(first, head.count_before(layer.n_seen() - window_size_)), n);
    });
  }

 private:
  int64_t window_size_;
  bool protect_prompt_;
  FutureQueries queries_;
  std::unique_ptr<CentreFile> centres_;  // none: described, not run
};

}  // namespace

KVHOST_SCORER(TriAttention)
