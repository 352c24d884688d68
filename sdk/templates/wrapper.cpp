// SPDX-License-Identifier: @license@
// @name@: says in a sentence what it makes of another scorer's numbers. Paper: -. Checked against: -.
#include <kvhost/sdk.hpp>

namespace {

using namespace kvhost::sdk;

class @Class@ {
 public:
  static Description describe() {
    return wrapper("@name@")
        .summary("Scores of the scorer inside, averaged over neighbours")
        .default_inner("snapkv")
        .param(integer("kernel_size", 3).min(1).max(1023).odd().unit("entries").doc(
            "How many neighbours, itself included"))
        .decodes();
  }

  explicit @Class@(const Args& args)
      : inner_(args.child()), kernel_size_(args.integer("kernel_size")) {}

  void score(const Layer& layer, Scores& out) const {
    inner_.score(layer, out);  // pins of the scorer inside stay
    for_each_head(layer, [&](int32_t h) {
      const int64_t n = out.n_entries(h);
      const std::vector<float> given(out.row(h), out.row(h) + n);
      average_pool(given.data(), n, kernel_size_, out.row(h));
    });
  }

 private:
  Child inner_;
  int64_t kernel_size_;
};

}  // namespace

KVHOST_WRAPPER(@Class@)
