// SPDX-License-Identifier: Apache-2.0
// GRKV: what is kept is refitted, values and keys, to the attention that was paid to everything.
// Paper: arXiv:2605.31105. Checked against: values of its published code.
#include <kvhost/rope.hpp>
#include <kvhost/spread.h>

#include "support/refit.hpp"

namespace {

using namespace kvhost::sdk;
using namespace kvhost::plugins;

// As published.
constexpr double kRidge = 0.01, kAllWeight = 6, kValueShare = 0.1, kKeyShare = 0.025;
constexpr double kTolerance = 1e-6;
constexpr int kSteps = 16;

class GrKv {
 public:
  static Description describe() {
    return press("grkv")
        .summary("Refits kept values and keys to the attention that was paid to all entries")
        .paper("arXiv:2605.31105")
        .reference("the functions of its published code on test vectors (values)")
        .notes(
            "Published around critical_adakv:snapkv(window_size=32). Sampled queries of the prompt "
            "stand at its end and see everything. The last window_size entries stay as they are, "
            "and of the others the best `guard` share by what the selection went by (published: 0.1 "
            "for Llama, 0 for Mistral, by SnapKV's scores). Values first, then keys, neither moved "
            "by more than a tenth and a fortieth of their size; a layer takes what lowers its "
            "error. A prompt within the window is left alone.")
        .param(integer("n_queries", 32).min(1).max(4096).doc(
            "Queries of the prompt that the fit is for, spread over it"))
        .param(integer("window_size", 32).min(0).max(1 << 20).unit("tokens").doc(
            "Last entries that are not changed"))
        .param(real("guard", 0).min(0).max(1).doc(
            "Share of the kept entries before the window, the best ones, that are not changed"))
        .uses(KVH_T_QUERY_WINDOW)
        .edits_values()
        .edits_keys();
  }

  explicit GrKv(const Args& args)
      : n_queries_(args.integer("n_queries")),
        window_size_(args.integer("window_size")),
        guard_(args.real("guard")) {
    if (!args.model()) return;  // described, not run
    for (int32_t l = 0; l < args.model()->n_layers; ++l) {
      const kvh_layer_shape& shape = *args.model()->layers[l];
      if (shape.softcap > 0 || shape.sinks)
        throw Error(KVH_E_UNSUPPORTED,
                    "",
                    "the attention of layer " + std::to_string(l) +
                        " has a softcap or sinks; expected a model with a plain softmax");
    }
  }

  void needs(Needs& needs) const { needs.add(KVH_T_QUERY_WINDOW, n_queries_, KVH_NEED_SPREAD); }

  void edit(const Layer& layer, Edit& edit) const {
    if (layer.n_seen() <= window_size_) return;
    const std::vector<at::Tensor> queries = sampled(layer);
    std::vector<Refit> heads;
    std::vector<at::Tensor> values, keys;
    const at::ScalarType held_as = scalar_type(layer.head(0).keys().raw());
    for (int32_t h = 0; h < layer.n_kv_heads(); ++h) {
      layer.check_cancelled();
      const Refit head = problem(layer, edit, h, queries[static_cast<size_t>(h)]);
      values.push_back(capped(
          value_change(head, kRidge), head.values, head.movable, kValueShare, held_as));
      const at::Tensor change =
          KeyChange(head, head.values + values.back(), kRidge).solve(kSteps, kTolerance);
      keys.push_back(capped(change, head.keys, head.movable, kKeyShare, held_as));
      heads.push_back(head);
    }
    const int state = best_state(heads, values, keys, kRidge);
    for (int32_t h = 0; h < layer.n_kv_heads() && state > 0; ++h)
      write(edit, h, heads[static_cast<size_t>(h)], values[static_cast<size_t>(h)],
            state > 1 ? keys[static_cast<size_t>(h)] : at::Tensor());
  }

 private:
  // For each KV head [group_size * n, d]: queries from the middle of equal stretches, turned to the
  // prompt's last position.
  std::vector<at::Tensor> sampled(const Layer& layer) const {
    const Cube queries(layer.get(KVH_T_QUERY_WINDOW));  // [n_heads, n, d]
    const int64_t n_tokens = layer.raw().q_len, first = layer.n_seen() - n_tokens;
    const int64_t n = queries.rows(), d = queries.cols();
    const RopeTable table(layer, first, n_tokens);
    std::vector<at::Tensor> out;
    std::vector<float> scratch;
    for (int32_t h = 0; h < layer.n_kv_heads(); ++h) {
      at::Tensor rows = at::empty({layer.group_size() * n, d}, at::kFloat);
      auto* to = rows.data_ptr<float>();
      for (int64_t g = 0; g < layer.group_size(); ++g)
        for (int64_t i = 0; i < n; ++i, to += d) {
          const int64_t source = kvh_spread_token(i, n, n_tokens);
          const float* row = queries.row(h * layer.group_size() + g, i, scratch);
          std::copy(row, row + d, to);
          if (!layer.rope()) continue;
          table.unrotate(to, d, first + source, to);
          table.rotate(to, d, first + n_tokens - 1, to);
        }
      out.push_back(rows);
    }
    return out;
  }

  Refit problem(const Layer& layer, const Edit& edit, int32_t h, const at::Tensor& queries) const {
    const Head head = layer.head(h);
    Refit out;
    out.scale = layer.raw().shape->scale;
    out.queries = queries;
    out.weight = kAllWeight / (static_cast<double>(queries.size(0)) / layer.group_size());
    const at::Tensor all_keys = as_float(head.keys().raw()), all_values = as_float(head.values().raw());
    out.target = (queries.matmul(all_keys.t()) * out.scale).softmax(-1).matmul(all_values);
    const int64_t n = edit.n_kept(h);
    const std::vector<int64_t> kept(edit.kept(h), edit.kept(h) + n);
    const at::Tensor index = at::tensor(kept, at::kLong);
    out.keys = all_keys.index_select(0, index);
    out.values = all_values.index_select(0, index);
    out.movable = movable(layer, head, edit, h, kept);
    return out;
  }

  at::Tensor movable(const Layer& layer,
                     const Head& head,
                     const Edit& edit,
                     int32_t h,
                     const std::vector<int64_t>& kept) const {
    const int64_t window = head.count_before(layer.n_seen() - window_size_);
    at::Tensor out = at::ones({static_cast<int64_t>(kept.size())}, at::kFloat);
    auto* moves = out.data_ptr<float>();
    std::vector<size_t> before;  // places in `kept`
    for (size_t i = 0; i < kept.size(); ++i)
      kept[i] < window ? before.push_back(i) : void(moves[i] = 0);
    const auto n_guarded = static_cast<size_t>(guard_ * static_cast<double>(before.size()));
    const float* scores = edit.scores(h);
    if (n_guarded == 0 || !scores) return out;
    std::stable_sort(before.begin(), before.end(), [&](size_t a, size_t b) {
      return scores[kept[a]] > scores[kept[b]];
    });
    for (size_t i = 0; i < n_guarded; ++i) moves[before[i]] = 0;
    return out;
  }

  static void write(const Edit& edit,
                    int32_t h,
                    const Refit& head,
                    const at::Tensor& values,
                    const at::Tensor& keys) {
    const auto add = [](float* to, const at::Tensor& base, const at::Tensor& change) {
      const at::Tensor sum = (base + change).contiguous();
      std::copy(sum.data_ptr<float>(), sum.data_ptr<float>() + sum.numel(), to);
    };
    add(edit.values(h), head.values, values);
    if (keys.defined()) add(edit.keys(h), head.keys, keys);
  }

  int64_t n_queries_, window_size_;
  double guard_;
};

}  // namespace

KVHOST_PRESS(GrKv)
