// SPDX-License-Identifier: Apache-2.0
// Expected attention with statistics of the queries that were collected beforehand, so that nothing
// but the cache is read. Paper: arXiv:2510.00636. Checked against: kvpress 0.5.5
// ExpectedAttentionStatsPress.
#include "support/expected_scores.hpp"
#include "support/query_observer.hpp"
#include "support/tensor_file.hpp"

namespace {

using namespace kvhost::sdk;
using namespace kvhost::scorers;

constexpr const char* kWanted =
    "the safetensors file of query statistics, with query_mean [n_layers, n_heads, head_dim] and "
    "query_cov [n_layers, n_heads, head_dim, head_dim] of this model, as "
    "huggingface.co/alessiodevoto publishes them (exp_att_stats_<model>_...)";

// Mean and covariance of the queries before rotation, the first n_sink tokens of each text aside.
class QueryMoments {
 public:
  static Description describe() {
    return scorer("query_moments")
        .summary("Collects mean and covariance of queries")
        .paper("arXiv:2510.00636")
        .param(integer("n_sink", 4).min(0).max(1 << 20).unit("tokens").doc("First tokens left out"))
        .uses(KVH_T_QUERY_WINDOW);
  }

  explicit QueryMoments(const Args& args)
      : n_sink_(args.integer("n_sink")), model_(*args.model()), queries_(model_) {}

  void needs(Needs& needs) const { needs.add(KVH_T_QUERY_WINDOW, 0); }

  void observe(const Layer& layer) { queries_.add(layer, n_sink_, /*unrotated=*/true); }

  void finish(Learned& out) const {
    const auto d = static_cast<size_t>(model_.head_dim);
    std::vector<float> means, covariances;
    for (size_t at = 0; at < queries_.size(); ++at) {
      const auto n = static_cast<double>(queries_.count(at));
      if (n < 2)
        throw Error(KVH_E_CONFIG, "", "saw fewer than two queries; expected longer texts");
      const std::vector<double>& sum = queries_.sum(at);
      for (size_t a = 0; a < d; ++a) means.push_back(static_cast<float>(sum[a] / n));
      for (size_t a = 0; a < d; ++a)
        for (size_t b = 0; b < d; ++b) {
          const double product = queries_.product(at, a, b);
          covariances.push_back(
              static_cast<float>((product - sum[a] * sum[b] / n) / (n - 1)));
        }
    }
    const int64_t n_layers = model_.n_layers, n_heads = model_.n_heads, size = model_.head_dim;
    out.tensor("query_mean", {n_layers, n_heads, size}, means);
    out.tensor("query_cov", {n_layers, n_heads, size, size}, covariances);
  }

 private:
  int64_t n_sink_;
  kvh_model model_;  // its numbers
  QuerySums queries_;
};

class ExpectedAttentionStats {
 public:
  static Description describe() {
    Description description = scorer("expected_attention_stats");
    description
        .summary("Attention expected from queries as they were on a sample, times value norm")
        .paper("arXiv:2510.00636")
        .reference("kvpress 0.5.5 ExpectedAttentionStatsPress")
        .notes(
            "Needs statistics collected for the model (`kvhost calibrate expected_attention_stats` "
            "does), a safetensors file with query_mean "
            "[n_layers, n_heads, head_dim] and query_cov [n_layers, n_heads, head_dim, head_dim], "
            "queries before rotation; kvpress fetches "
            "alessiodevoto/exp_att_stats_<model>_<dataset>_<samples>_<length>_<n_sink> from the "
            "hub. n_sink must be the one they were collected with. A prompt of n_sink tokens or "
            "fewer is kept whole; kvpress refuses it.")
        .decodes();
    add_expected_params(description);
    return description.param(
        file("file").doc("The statistics, as a path or a name inside the model's folder; none: "
                         "expected_attention_stats.safetensors there"));
  }

  explicit ExpectedAttentionStats(const Args& args) : settings_(args) {
    if (!args.model()) return;  // described, not run
    const kvh_model& model = *args.model();
    const int64_t d = model.head_dim;
    file_ = std::make_unique<TensorFile>(
        resource_path(model, args.file("file"), "expected_attention_stats.safetensors"), kWanted);
    mean_ = file_->get("query_mean", {model.n_layers, model.n_heads, d});
    if (!settings_.use_covariance) return;
    covariance_ = file_->get("query_cov", {model.n_layers, model.n_heads, d, d});
  }

  static const void* extension(const char* id) noexcept {
    return calibrate_extension<QueryMoments>(id, "expected_attention_stats.safetensors");
  }

  void score(const Layer& layer, Scores& out) const {
    score_expected(
        layer, settings_, [&](int64_t j) { return statistics(layer, j); }, out);
  }

 private:
  // Copies: the rotation works in place.
  QueryStatistics statistics(const Layer& layer, int64_t j) const {
    const auto own = [&](const kvh_tensor& all) {
      return as_tensor(all)[layer.index()][j].to(at::kFloat, /*non_blocking=*/false, /*copy=*/true);
    };
    return {own(mean_), settings_.use_covariance ? own(covariance_) : at::Tensor()};
  }

  ExpectedSettings settings_;
  std::unique_ptr<TensorFile> file_;
  kvh_tensor mean_{}, covariance_{};  // in the file
};

}  // namespace

KVHOST_SCORER(ExpectedAttentionStats)
