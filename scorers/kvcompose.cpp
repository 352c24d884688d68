// SPDX-License-Identifier: Apache-2.0
// KVCompose: the prompt is read a second time behind itself, and an entry is worth the most (or the
// mean) attention that those tokens pay to it. Paper: arXiv:2509.05165. Checked against: kvpress
// 0.5.5 KVComposePress.
#include <cmath>
#include <kvhost/passes.hpp>

#include "support/replay.hpp"

namespace {

using namespace kvhost::sdk;
using kvhost::scorers::TokenScores;

class KvCompose {
 public:
  struct Sequence : PassSequence {
    TokenScores scores;
  };

  static Description describe() {
    return scorer("kvcompose")
        .summary("The attention that a second reading of the prompt pays to an entry")
        .paper("arXiv:2509.05165")
        .reference("kvpress 0.5.5 KVComposePress")
        .notes(
            "Reads the whole prompt once more behind itself in one pass, so the cache holds it "
            "twice for a while, layer by layer; kvpress's structured=true is composite:kvcompose, "
            "which --press kvcompose stands for, structured=false is joint:kvcompose "
            "(kvcompose_unstructured). There the second reading stays visible in the "
            "unstructured form; here it is dropped in both.")
        .param(choice("agg_task", {"max", "mean"}).doc("Over the second reading's tokens"))
        .param(choice("agg_group", {"mean", "max"}).doc("Over the query heads of a KV head"))
        .param(boolean("add_v_norm", false).doc("Times the norm of the entry's value"))
        .param(
            boolean("add_mean_across_heads", true).doc("Adds the mean score of the layer's heads"))
        .reads_prompt();
  }

  explicit KvCompose(const Args& args)
      : task_mean_(args.choice("agg_task") == "mean"),
        group_mean_(args.choice("agg_group") == "mean"),
        by_value_(args.flag("add_v_norm")),
        add_mean_(args.flag("add_mean_across_heads")) {}

  static const void* extension(const char* id) noexcept { return passes_extension<KvCompose>(id); }

  PassCost pass_cost(const Prompt& prompt) const {
    PassCost cost;
    cost.add(prompt.n_tokens(), prompt.n_tokens());
    return cost;
  }

  void next_pass(Sequence&, const Prompt& prompt, int64_t, Pass& pass) const {
    pass.tokens.assign(prompt.tokens(), prompt.tokens() + prompt.n_tokens());
    pass.reduce = task_mean_ ? KVH_REDUCE_SUM : KVH_REDUCE_MAX;
    pass.per_head = true;
    pass.columns = {0, prompt.n_tokens()};
  }

  void observe_pass(Sequence& sequence, const Layer& layer, const Columns& columns) const {
    const float n_queries = static_cast<float>(sequence.pass.n_tokens());
    const auto group = static_cast<float>(layer.group_size());
    for (int32_t h = 0; h < layer.n_kv_heads(); ++h) {
      float* scores = sequence.scores.row(layer, h);
      const Head head = layer.head(h);
      for (int64_t i = 0; i < columns.n(); ++i) {
        float joined = 0;
        for (int32_t g = 0; g < layer.group_size(); ++g) {
          const float value = columns.row(h * layer.group_size() + g)[i];
          joined = group_mean_ ? joined + value : std::max(joined, value);
        }
        if (group_mean_) joined /= group;
        if (task_mean_) joined /= n_queries;
        if (by_value_) joined *= value_norm(head, columns.first_entry() + i);
        scores[head.position(columns.first_entry() + i)] = joined;
      }
    }
    if (add_mean_) add_mean(sequence, layer);
  }

  void score(Sequence& sequence, const Layer& layer, Scores& out) const {
    sequence.scores.hand_out(layer, /*n_sink=*/0, out);
  }

 private:
  static float value_norm(const Head& head, int64_t entry) {
    std::vector<float> scratch;
    const Matrix values = head.values();
    const float* row = values.row(entry, scratch);
    float sum = 0;
    for (int64_t c = 0; c < values.cols(); ++c) sum += row[c] * row[c];
    return std::sqrt(sum);
  }

  static void add_mean(Sequence& sequence, const Layer& layer) {
    const int32_t n_heads = layer.n_kv_heads();
    for (int64_t i = 0; i < layer.prompt().n_tokens(); ++i) {
      float mean = 0;
      for (int32_t h = 0; h < n_heads; ++h) mean += sequence.scores.row(layer, h)[i];
      mean /= static_cast<float>(n_heads);
      for (int32_t h = 0; h < n_heads; ++h) sequence.scores.row(layer, h)[i] += mean;
    }
  }

  bool task_mean_, group_mean_, by_value_, add_mean_;
};

}  // namespace

KVHOST_SCORER(KvCompose)
