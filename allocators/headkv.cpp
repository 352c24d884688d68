// SPDX-License-Identifier: Apache-2.0
// HeadKV: every head keeps a common base and a part of a pool by how important it was found to be,
// whatever its layer. Paper: arXiv:2410.19258. Checked against: the formulas of its published code.
#include <cmath>

#include "head_scores.hpp"

namespace {

using namespace kvhost::sdk;

class HeadKv {
 public:
  static Description describe() {
    return layer_allocator("headkv")
        .summary("Gives every head a common base and a part of a pool by its measured importance")
        .paper("arXiv:2410.19258")
        .reference("the formulas of its published code")
        .default_inner("snapkv")
        .notes(
            "Reads the published files of head scores: for every query head a list, its mean counts. "
            "They were measured on needle tasks with reasoning; nothing here makes them. The "
            "published code repeats KV heads for every query head and gives each its own entries; "
            "here a KV head counts as its most important query head. Of what a head keeps on average "
            "without the window, 1 / beta goes into the pool. The published rounding misses the "
            "total; here it is met.")
        .param(file("scores").doc(
            "The head scores, as a path or a name inside the model's folder; none: head_score.json "
            "there"))
        .param(real("beta", 1.2).min(1.005).max(1000).doc(
            "The pool is 1 / beta of what is divided (published: 1.005 to 10)"))
        .param(real("temperature", 1).above(0).max(100).doc(
            "Power that importance is taken to before it is divided by"))
        .param(integer("window_size", 32).min(0).max(4096).unit("tokens").doc(
            "Last entries that every head keeps in any case, the scorer's"))
        .decodes();
  }

  explicit HeadKv(const Args& args)
      : beta_(args.real("beta")),
        temperature_(args.real("temperature")),
        window_size_(args.integer("window_size")) {
    if (args.model())
      importance_ = read(
          *args.model(), resource_path(*args.model(), args.file("scores"), "head_score.json"));
  }

  void allocate(const LayerRequest& request, LayerAnswer& answer) const {
    const auto n_heads = static_cast<size_t>(request.n_kv_heads());
    const double base = std::max(request.entries_per_head() - static_cast<double>(window_size_), 0.0);
    const double each = base / beta_;
    const double pool = each * static_cast<double>(importance_.size());
    std::vector<double> shares;
    Bounds bounds;
    int64_t room = 0;
    for (size_t i = 0; i < importance_.size(); ++i) {
      shares.push_back(request.entries_per_head() - each + importance_[i] * pool);
      bounds.min.push_back(0);
      bounds.max.push_back(request.max_entries(static_cast<int32_t>(i / n_heads)) /
                           request.n_kv_heads());
      room += bounds.max.back();
    }
    answer.head_entries(apportion(shares, std::min(request.total_entries(), room), bounds));
  }

 private:
  // [n_layers * n_kv_heads] that sum to 1.
  std::vector<double> read(const kvh_model& model, const std::string& path) const {
    const kvhost::allocators::HeadScores scores(path);
    const int32_t group = model.n_heads / model.n_kv_heads;
    std::vector<double> out;
    double sum = 0;
    for (int32_t l = 0; l < model.n_layers; ++l)
      for (int32_t h = 0; h < model.n_kv_heads; ++h) {
        double best = 0;
        for (int32_t j = h * group; j < (h + 1) * group; ++j)
          best = std::max(best, scores.mean(l, j));
        out.push_back(std::pow(best, temperature_));
        sum += out.back();
      }
    if (!(sum > 0) || !std::isfinite(sum)) scores.refuse("has no head with a score above 0");
    for (double& share : out) share /= sum;
    return out;
  }

  double beta_, temperature_;
  int64_t window_size_;
  std::vector<double> importance_;  // [n_layers * n_kv_heads]
};

}  // namespace

KVHOST_LAYER_ALLOCATOR(HeadKv)
