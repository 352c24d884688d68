// SPDX-License-Identifier: @license@
// @name@: says in a sentence what it keeps. Paper: -. Checked against: -.
#include <kvhost/sdk.hpp>

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
      const Matrix values = head.values();  // [n, head_dim]
      std::vector<float> scratch;
      for (int64_t i = 0; i < values.rows(); ++i) {
        const float* row = values.row(i, scratch);
        out.row(h)[i] = static_cast<float>(squared_norm(row, values.cols()));
      }
      out.pin(h, head.count_before(layer.n_seen() - n_recent_), head.n_entries());
    });
  }

 private:
  int64_t n_recent_;
};

}  // namespace

KVHOST_SCORER(@Class@)
