// SPDX-License-Identifier: Apache-2.0
// TriAttention: before they are rotated, a head's queries lie around one centre, so that what later
// queries will attend to can be told from keys and positions alone. Made for long answers. Paper:
// arXiv:2604.04921. Checked against: values of its published code.
#include "support/query_observer.hpp"
#include "support/tensor_file.hpp"
#include "support/trigonometric_scores.hpp"

namespace {

using namespace kvhost::sdk;
using namespace kvhost::scorers;

constexpr const char* kWanted =
    "the safetensors file of query centres of this model, q_mean_real, q_mean_imag and q_abs_mean, "
    "each [n_layers, n_heads, rotary pairs]; `kvhost calibrate triattention` makes one";

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
            "mode per_layer_perhead. In float64 sums, published in float32. A prompt as large "
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
        largest_(args.choice("over_offsets") == "max"),
        protect_prompt_(args.flag("protect_prompt")) {
    for (int64_t offset = 1; offset <= args.integer("farthest"); offset *= 2)
      offsets_.push_back(offset);
    if (!args.model()) return;  // described, not run
    const kvh_model& model = *args.model();
    file_ = std::make_unique<TensorFile>(
        resource_path(model, args.file("file"), "triattention.safetensors"), kWanted);
    const int64_t n_pairs = file_->dims("q_mean_real", 3)[2];
    const std::vector<int64_t> shape = {model.n_layers, model.n_heads, n_pairs};
    real_ = file_->get("q_mean_real", shape);
    imag_ = file_->get("q_mean_imag", shape);
    abs_mean_ = file_->get("q_abs_mean", shape);
  }

  static const void* extension(const char* id) noexcept {
    return calibrate_extension<QueryCentres>(id, "triattention.safetensors");
  }

  void score(const Layer& layer, Scores& out) const {
    const kvh_rope* rope = layer.rope();
    if (!rope || rope->rotary_dim / 2 != real_.shape[2])
      bad_shape("this layer rotates " + std::to_string(rope ? rope->rotary_dim / 2 : 0) +
                " pairs; expected the " + std::to_string(real_.shape[2]) + " of the file");
    for_each_head(layer, [&](int32_t h) {
      const Head head = layer.head(h);
      const int64_t n = head.n_entries(), first = n_protected(layer, head);
      std::fill(out.row(h), out.row(h) + n, -std::numeric_limits<float>::infinity());
      for (int64_t g = 0; g < layer.group_size(); ++g) {
        layer.check_cancelled();
        add_query_head(layer, head, h * layer.group_size() + g, first, out.row(h));
      }
      std::fill(out.row(h), out.row(h) + first, 0.0f);
      out.pin(h, 0, first);
      out.pin(h, std::max(first, head.count_before(layer.n_seen() - window_size_)), n);
    });
  }

 private:
  int64_t n_protected(const Layer& layer, const Head& head) const {
    return protect_prompt_ && layer.decoding() && layer.n_prompt() > 0
               ? head.count_before(layer.n_prompt())
               : 0;
  }

  // The entries from `first` on, as query head j has them among themselves: its score where that is
  // larger.
  void add_query_head(
      const Layer& layer, const Head& head, int64_t j, int64_t first, float* best) const {
    std::vector<float> scratch[3], key_scratch, scores;
    const QueryCentre centre = {Cube(real_).row(layer.index(), j, scratch[0]),
                                Cube(imag_).row(layer.index(), j, scratch[1]),
                                Cube(abs_mean_).row(layer.index(), j, scratch[2])};
    const TrigonometricSeries series(centre, *layer.rope(), layer.n_seen(), offsets_, largest_);
    const Matrix keys = head.keys();  // [n, d]
    for (int64_t i = first; i < keys.rows(); ++i)
      scores.push_back(series.score(keys.row(i, key_scratch)));
    standardise(scores);
    for (size_t i = 0; i < scores.size(); ++i)
      best[first + static_cast<int64_t>(i)] =
          std::max(best[first + static_cast<int64_t>(i)], scores[i]);
  }

  int64_t window_size_;
  bool largest_, protect_prompt_;
  std::vector<int64_t> offsets_;
  std::unique_ptr<TensorFile> file_;
  kvh_tensor real_{}, imag_{}, abs_mean_{};  // [n_layers, n_heads, n_pairs], in the file
};

}  // namespace

KVHOST_SCORER(TriAttention)
