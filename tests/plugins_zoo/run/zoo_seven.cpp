// SPDX-License-Identifier: Apache-2.0
// Right by its defaults and at its bounds; one setting between them is wrong.
#include <kvhost/sdk.hpp>

namespace {

using namespace kvhost::sdk;

struct Seven {
  static Description describe() {
    return scorer("zoo_seven")
        .summary("A member of the plugin zoo")
        .param(integer("n", 1).min(1).max(10).doc("Anything but 7"));
  }
  explicit Seven(const Args& args) : n_(args.integer("n")) {}
  void score(const Layer& layer, Scores& out) const {
    for (int32_t h = 0; h < layer.n_kv_heads(); ++h)
      std::fill_n(out.row(h), out.n_entries(h), n_ == 7 ? std::nanf("") : 1.0f);
  }

 private:
  int64_t n_;
};

}  // namespace

KVHOST_SCORER(Seven)
