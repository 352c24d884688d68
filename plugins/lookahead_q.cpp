// SPDX-License-Identifier: Apache-2.0
// Lookahead Q-Cache: a few tokens of the answer are drafted on a cache that the inner scorer cut,
// and their queries judge the whole prompt together with its last ones. Paper: arXiv:2505.20334.
// Checked against: the rule of its published code on test vectors.
#include <kvhost/draft.hpp>

#include "support/attention_rows.hpp"
#include "support/drafted_votes.hpp"

namespace {

using namespace kvhost::sdk;
using namespace kvhost::scorers;

class LookaheadQ {
 public:
  struct Sequence {
    std::vector<at::Tensor> drafted;  // [n_layers] float [n_heads, n, d]; undefined: none yet
  };

  static Description describe() {
    return wrapper("lookahead_q")
        .summary("Attention of the prompt's last queries and of a draft of the answer")
        .paper("arXiv:2505.20334")
        .reference("the rule of its published code on test vectors")
        .notes(
            "The inner scorer cuts the copy of the cache that the draft is read on; published: "
            "lookahead_q:snapkv(window_size=32,kernel_size=7,pooling=max), which --press laq stands "
            "for. The published mask is laid on the last columns of the prompt, as many as there are "
            "queries: every one sees less than it did, and a draft nothing of itself; that is "
            "mask=published. mask=causal shows each query of the prompt what it saw and a draft all "
            "of the prompt. Published for every query head; here its group's mean. A draft ends "
            "before the token that ends the text.")
        .default_inner("snapkv")
        .param(integer("n_draft", 8)
                   .min(1)
                   .max(1024)
                   .unit("tokens")
                   .doc("Tokens of the answer that are drafted"))
        .param(integer("window_size", 8)
                   .min(1)
                   .max(1 << 20)
                   .unit("tokens")
                   .doc("Last queries of the prompt that vote as well; their own entries stay"))
        .param(integer("kernel_size", 7)
                   .min(1)
                   .odd()
                   .unit("tokens")
                   .doc("Width of the maximum over neighbours"))
        .param(choice("mask", {"published", "causal"}).doc("What a query sees of the prompt"))
        .param(optional_integer("draft_size")
                   .min(1)
                   .unit("entries")
                   .doc("What the copy keeps of a KV head; default: what the budget is on average"))
        .uses(KVH_T_QUERY_WINDOW);
  }
  static const void* extension(const char* id) noexcept { return draft_extension<LookaheadQ>(id); }

  explicit LookaheadQ(const Args& args)
      : inner_(args.child()),
        n_draft_(args.integer("n_draft")),
        window_(args.integer("window_size")),
        kernel_(args.integer("kernel_size")),
        causal_(args.choice("mask") == "causal"),
        draft_size_(args.optional_integer("draft_size")) {}

  void needs(Needs& needs) const {
    needs.add(KVH_T_QUERY_WINDOW, window_).in_phase(KVH_PHASE_PREFILL);
  }

  int64_t draft_tokens() const { return n_draft_; }

  void draft_cut(Sequence&, const Layer& layer, Scores& out, int64_t* n_kept) const {
    const int64_t heads = int64_t{layer.model().n_layers} * layer.n_kv_heads();
    if (!draft_size_ && layer.total_entries() < 0)
      throw Error(KVH_E_UNSUPPORTED,
                  "",
                  "does not know the budget, which the draft is read on; expected draft_size");
    const int64_t size = draft_size_.value_or(layer.total_entries() / heads);
    kvh_layer copy = layer.raw();  // scorers that go by the budget go by the draft's
    copy.layer_budget = std::min(size, layer.kv_len()) * layer.n_kv_heads();
    inner_.score(Layer(copy), out);
    for (int32_t h = 0; h < layer.n_kv_heads(); ++h)
      n_kept[h] = std::clamp<int64_t>(size, 1, out.n_entries(h));
  }

  void observe_draft(Sequence& sequence,
                     const Layer& layer,
                     const kvh_tensor& queries,
                     const int32_t*) const {
    sequence.drafted.resize(static_cast<size_t>(layer.model().n_layers));
    sequence.drafted[static_cast<size_t>(layer.index())] = as_float(queries).clone();
  }

  void score(const Sequence& sequence, const Layer& layer, Scores& out) const {
    const at::Tensor queries = all_queries(sequence, layer);  // [n_heads, rows, d]
    const int64_t group = layer.group_size();
    for (int32_t h = 0; h < layer.n_kv_heads(); ++h) {
      layer.check_cancelled();
      const Head head = layer.head(h);
      const int64_t first = head.count_before(layer.n_seen() - window_);
      const DraftedVotes votes{layer.n_seen(),
                               std::min(window_, layer.raw().q_len),
                               queries.size(1),
                               layer.sliding_window(),
                               causal_};
      const at::Tensor rows = attention_rows(queries.narrow(0, h * group, group),
                                             as_float(head.keys().raw()),
                                             votes.hidden(entry_positions(head)),
                                             layer.shape(),
                                             h * group);
      pooled_votes(rows.narrow(-1, 0, first), kernel_, out.row(h));
      std::fill(out.row(h) + first, out.row(h) + head.n_entries(), 0.0f);
      out.pin(h, first, head.n_entries());
    }
    out.set_pinned_to_max_plus_one();
  }

 private:
  at::Tensor all_queries(const Sequence& sequence, const Layer& layer) const {
    const at::Tensor last = as_float(layer.get(KVH_T_QUERY_WINDOW));
    if (sequence.drafted.empty()) return last;  // the text ended at once
    return at::cat({last, sequence.drafted[static_cast<size_t>(layer.index())]}, /*dim=*/1);
  }

  Child inner_;
  int64_t n_draft_, window_, kernel_;
  bool causal_;
  std::optional<int64_t> draft_size_;
};

}  // namespace

KVHOST_WRAPPER(LookaheadQ)
