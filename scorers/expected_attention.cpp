// SPDX-License-Identifier: Apache-2.0
// Expected attention: queries so far give the distribution of queries to come; entries are kept by
// the attention that these will pay on average, times the norm of the value.
// Paper: arXiv:2510.00636. Checked against: kvpress 0.5.5 ExpectedAttentionPress.
#include "support/expected_scores.hpp"
#include "support/query_rows.hpp"

namespace {

using namespace kvhost::sdk;
using namespace kvhost::scorers;

class ExpectedAttention {
 public:
  static Description describe() {
    Description description = scorer("expected_attention");
    description
        .summary("Attention that queries at later positions are expected to pay, times value norm")
        .paper("arXiv:2510.00636")
        .reference("kvpress 0.5.5 ExpectedAttentionPress")
        .notes(
            "This is the scorer alone; kvpress's registry uses the name for it inside AdaKV with "
            "epsilon=0.01, here adakv_expected_attention_e2. A prompt of n_sink tokens or fewer "
            "is kept whole; kvpress refuses it. kvpress counts positions to come from the length "
            "of the buffered queries while generating, here from the true position; that needs a "
            "query_window.")
        .uses(KVH_T_QUERY_WINDOW)
        .decodes();
    add_expected_params(description);
    return description.param(
        integer("query_window", 0)
            .min(0)
            .unit("tokens")
            .doc("How many of the last queries count; 0: all, which only a prefill can give"));
  }

  explicit ExpectedAttention(const Args& args)
      : settings_(args), query_window_(args.integer("query_window")) {}

  void needs(Needs& needs) const { needs.add(KVH_T_QUERY_WINDOW, query_window_); }

  void score(const Layer& layer, Scores& out) const {
    const QueryRows queries(layer, settings_.n_sink);
    if (queries.size() == 0) return keep_whole(layer, out);
    score_expected(
        layer, settings_, [&](int64_t j) { return statistics(queries, j); }, out);
  }

 private:
  QueryStatistics statistics(const QueryRows& queries, int64_t j) const {
    at::Tensor rows = queries.before_rotation(j);  // [N, d]
    const at::Tensor mean = rows.mean(/*dim=*/0);
    if (!settings_.use_covariance) return {mean, {}};
    rows -= mean;
    return {mean, rows.t().matmul(rows) / static_cast<double>(rows.size(0))};
  }

  static void keep_whole(const Layer& layer, Scores& out) {
    for (int32_t h = 0; h < layer.n_kv_heads(); ++h) {
      std::fill_n(out.row(h), out.n_entries(h), 1.0f);
      out.pin(h, 0, out.n_entries(h));
    }
  }

  ExpectedSettings settings_;
  int64_t query_window_;
};

}  // namespace

KVHOST_SCORER(ExpectedAttention)
