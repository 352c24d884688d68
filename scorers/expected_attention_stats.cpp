// SPDX-License-Identifier: Apache-2.0
// Expected attention with statistics of the queries that were collected beforehand, so that nothing
// but the cache is read. Paper: arXiv:2510.00636. Checked against: kvpress 0.5.5
// ExpectedAttentionStatsPress.
#include "support/expected_scores.hpp"
#include "support/tensor_file.hpp"

namespace {

using namespace kvhost::sdk;
using namespace kvhost::scorers;

constexpr const char* kWanted =
    "the safetensors file of query statistics, with query_mean [n_layers, n_heads, head_dim] and "
    "query_cov [n_layers, n_heads, head_dim, head_dim] of this model, as "
    "huggingface.co/alessiodevoto publishes them (exp_att_stats_<model>_...)";

class ExpectedAttentionStats {
 public:
  static Description describe() {
    Description description = scorer("expected_attention_stats");
    description
        .summary("Attention expected from queries as they were on a sample, times value norm")
        .paper("arXiv:2510.00636")
        .reference("kvpress 0.5.5 ExpectedAttentionStatsPress")
        .notes(
            "Needs statistics collected for the model, a safetensors file with query_mean "
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
