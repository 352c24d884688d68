// SPDX-License-Identifier: Apache-2.0
// FINCH: entries are judged by the attention of the question behind the context, which stays.
// Paper: doi:10.1162/tacl_a_00716. Checked against: kvpress 0.5.5 FinchPress.
#include "support/attention_rows.hpp"

namespace {

using namespace kvhost::sdk;
using namespace kvhost::scorers;

class Finch {
 public:
  static Description describe() {
    return scorer("finch")
        .summary("The attention of the question to the context before it")
        .paper("doi:10.1162/tacl_a_00716")
        .reference("kvpress 0.5.5 FinchPress")
        .notes(
            "Must know where the question begins: from the prompt (`kvhost ask --question-aware`, "
            "a bundled prompt), or question_tokens; kvpress wants a delimiter token between. "
            "kvpress rotates what is kept to new positions: key_rerotation:finch, which --press "
            "finch stands for. With chunk_length kvpress rounds every chunk's share down, here "
            "the shares meet the budget.")
        .param(optional_integer("question_tokens")
                   .min(1)
                   .unit("tokens")
                   .doc("The prompt's last tokens that are the question; default: as the prompt "
                        "says"))
        .param(optional_integer("chunk_length")
                   .min(1)
                   .unit("tokens")
                   .doc("Every so many entries keep their share of the budget; default: all "
                        "compete"))
        .param(boolean("normalize_scores", true)
                   .doc("Each question token's attention times the entries it sees before the "
                        "question"))
        .uses(KVH_T_QUERY_WINDOW)
        .needs_budget()
        .reads_prompt();
  }

  explicit Finch(const Args& args)
      : question_(args.optional_integer("question_tokens")),
        chunk_(args.optional_integer("chunk_length")),
        normalize_(args.flag("normalize_scores")) {}

  // Knows the question or refuses the prompt.
  struct Sequence {
    static constexpr bool copies = true;
    Sequence(const Finch& method, const SequenceInfo& info)
        : n_question(method.question_ ? *method.question_ : info.n_question()) {
      if (n_question > 0) return;
      throw Error(KVH_E_UNSUPPORTED,
                  "",
                  "does not know where the question begins; expected a prompt that says so (kvhost "
                  "ask --question-aware, a bundled prompt), or finch(question_tokens=N)");
    }
    int64_t n_question;
  };

  // How long the question is shows with the prompt.
  void needs(Needs& needs) const { needs.add(KVH_T_QUERY_WINDOW, question_.value_or(0)); }

  void score(const Sequence& sequence, const Layer& layer, Scores& out) const {
    const int64_t window = std::min(sequence.n_question, layer.n_seen());
    for_each_head(layer, [&](int32_t h) {
      const int64_t first = layer.head(h).count_before(layer.n_seen() - window);
      score_head(layer, h, first, window, out.row(h));
      out.pin(h, first, out.n_entries(h), 2);
      if (chunk_) pin_chunks(layer.layer_budget() / layer.n_kv_heads(), h, out);
    });
  }

 private:
  // Mean over the question's rows and the group, of entries [0, first); 0 behind.
  void score_head(const Layer& layer, int32_t h, int64_t first, int64_t window, float* to) const {
    const kvh_layer_shape& shape = *layer.model().layers[layer.index()];
    const at::Tensor keys = as_tensor(layer.head(h).keys().raw()).to(at::kFloat);  // [n, d]
    const int64_t n = keys.size(0);
    at::Tensor queries = as_tensor(layer.get(KVH_T_QUERY_WINDOW));  // [n_heads, W, d]
    queries = queries.narrow(/*dim=*/1, queries.size(1) - window, window)
                  .narrow(/*dim=*/0, h * layer.group_size(), layer.group_size())
                  .to(at::kFloat);                                        // [group, window, d]
    at::Tensor rows =
        attention_rows(queries, keys, hidden(layer, h, window), shape, h * layer.group_size())
            .narrow(-1, 0, first);  // [group, window, first]
    if (normalize_)
      rows = rows * at::arange(first, first + window, at::kFloat).view({1, window, 1});
    const at::Tensor mean = rows.mean(/*dim=*/1).mean(/*dim=*/0).contiguous();
    std::copy_n(mean.const_data_ptr<float>(), first, to);
    std::fill(to + first, to + n, 0.0f);
  }

  // [window, n] what a row does not see: later entries, and those its window has left behind.
  static at::Tensor hidden(const Layer& layer, int32_t h, int64_t window) {
    const Head head = layer.head(h);
    const at::Tensor positions = entry_positions(head);
    const at::Tensor rows =
        at::arange(layer.n_seen() - window, layer.n_seen(), at::kLong).unsqueeze(1);
    at::Tensor unseen = positions.gt(rows);
    if (layer.sliding_window() > 0)
      unseen = unseen.logical_or(positions.le(rows - layer.sliding_window()));
    return unseen;
  }

  // The best of every chunk, as many as its share of the head's budget.
  void pin_chunks(int64_t budget, int32_t h, Scores& out) const {
    const int64_t n = out.n_entries(h), n_chunks = (n + *chunk_ - 1) / *chunk_;
    std::vector<double> shares;
    Bounds bounds;
    for (int64_t c = 0; c < n_chunks; ++c) {
      bounds.min.push_back(0);
      bounds.max.push_back(std::min(*chunk_, n - c * *chunk_));
      shares.push_back(static_cast<double>(bounds.max.back()));
    }
    const auto counts = apportion(shares, std::min(budget, n), bounds);
    for (int64_t c = 0; c < n_chunks; ++c) {
      std::vector<int64_t> order(static_cast<size_t>(bounds.max[static_cast<size_t>(c)]));
      std::iota(order.begin(), order.end(), c * *chunk_);
      std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
        const auto pin_a = out.pin_row(h)[a], pin_b = out.pin_row(h)[b];
        return pin_a != pin_b ? pin_a > pin_b : out.row(h)[a] > out.row(h)[b];
      });
      for (int64_t i = 0; i < counts[static_cast<size_t>(c)]; ++i) {
        int8_t& pin = out.pin_row(h)[order[static_cast<size_t>(i)]];
        pin = 3;
      }
    }
  }

  std::optional<int64_t> question_, chunk_;
  bool normalize_;
};

}  // namespace

KVHOST_SCORER(Finch)
