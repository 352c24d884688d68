// SPDX-License-Identifier: @license@
// @name@: says in a sentence what it keeps. Paper: -. Checked against: -.
#include <kvhost/torch.hpp>

namespace {

using namespace kvhost::sdk;

class @Class@ {
 public:
  static Description describe() {
    return scorer("@name@")
        .summary("Entries with the largest values, the last tokens in any case")
        .param(integer("n_recent", 8).min(0).unit("tokens").doc("Last tokens that always stay"))
        .decodes();  // may run while generating too
  }

  explicit @Class@(const Args& args) : n_recent_(args.integer("n_recent")) {}

  // A number for every entry of every KV head; larger = keep.
  void score(const Layer& layer, Scores& out) const {
    for_each_head(layer, [&](int32_t h) {  // on as many threads as the host has
      const Head head = layer.head(h);
      const at::Tensor values = as_float(head.values().raw());  // [n, head_dim]
      const at::Tensor scores = values.square().sum(/*dim=*/1).contiguous();
      std::copy_n(scores.const_data_ptr<float>(), scores.size(0), out.row(h));
      out.pin(h, head.count_before(layer.n_seen() - n_recent_), head.n_entries());
    });
  }

 private:
  int64_t n_recent_;
};

}  // namespace

KVHOST_SCORER(@Class@)
