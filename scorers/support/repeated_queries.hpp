// SPDX-License-Identifier: Apache-2.0
// Queries of the model while it repeats the prompt, for methods that match them instead of the
// prompt's own (arXiv:2602.16284).
#pragma once

#include "matching.hpp"
#include "replay.hpp"

namespace kvhost::scorers {

class RepeatedQueries {
 public:
  struct Sequence : sdk::PassSequence {
    std::vector<at::Tensor> queries;  // [n_layers] float [n_heads, n, d]
  };

  explicit RepeatedQueries(const sdk::Args& args)
      : spread_(args), replay_(/*chunk_size=*/int64_t{1} << 40, /*n_sink=*/0) {}

  static void need(sdk::Needs& needs) {
    needs.add(KVH_T_QUERY_WINDOW, /*window=*/0).in_phase(KVH_PHASE_PASS);
  }

  sdk::PassCost cost(const sdk::Prompt& prompt) const {
    sdk::PassCost cost = replay_.cost(prompt);
    cost.n_columns = 0;
    return cost;
  }
  // All of the prompt is seen, and no columns are wanted.
  void fill(const sdk::Prompt& prompt, int64_t index, sdk::Pass& pass) const {
    replay_.fill(prompt, index, pass);
    pass.seen.clear();
    pass.columns = {0, 0};
  }
  // Those of the repeated text, without the words that ask for it.
  void observe(Sequence& sequence, const sdk::Layer& layer) const {
    const at::Tensor all = sdk::as_tensor(layer.get(KVH_T_QUERY_WINDOW));  // [n_heads, rows, d]
    const sdk::Prompt prompt = layer.prompt();
    const int64_t n = prompt.n_tokens() - prompt.n_template();
    sequence.queries.resize(static_cast<size_t>(layer.model().n_layers));
    sequence.queries[static_cast<size_t>(layer.index())] =
        spread_.some(all.narrow(1, all.size(1) - n, n)).to(at::kFloat).contiguous();
  }
  // Those of KV head h: [n, d] float; of a prompt of a template alone there are none.
  static at::Tensor of(const Sequence& sequence, const sdk::Layer& layer, int32_t h) {
    if (sequence.queries.empty())
      throw sdk::Error(KVH_E_UNSUPPORTED, "", "has no text to repeat; expected a prompt with some");
    const at::Tensor& all = sequence.queries[static_cast<size_t>(layer.index())];
    const int64_t group = layer.group_size();
    return all.narrow(0, h * group, group).reshape({group * all.size(1), all.size(2)});
  }

 private:
  MatchedQueries spread_;
  Replay replay_;
};

}  // namespace kvhost::scorers
