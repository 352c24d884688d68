// SPDX-License-Identifier: @license@
// @name@: says in a sentence what it changes in the entries that stay. Paper: -. Checked against: -.
#include <kvhost/sdk.hpp>

namespace {

using namespace kvhost::sdk;

class @Class@ {
 public:
  static Description describe() {
    return press("@name@")
        .summary("Scales the values of the entries that stay")
        .param(real("factor", 1.0).above(0).max(10).doc("What values are multiplied by"))
        .edits_values()
        .decodes();
  }

  explicit @Class@(const Args& args) : factor_(static_cast<float>(args.real("factor"))) {}

  // After the selection: edit.kept() says which entries of layer.head(h) stay, edit.values() are
  // theirs, to be rewritten.
  void edit(const Layer& layer, Edit& edit) const {
    const int64_t d = layer.head_dim();
    for_each_head(layer, [&](int32_t h) {
      float* values = edit.values(h);  // [n_kept, head_dim]
      for (int64_t i = 0; i < edit.n_kept(h) * d; ++i) values[i] *= factor_;
    });
  }

 private:
  float factor_;
};

}  // namespace

KVHOST_PRESS(@Class@)
