// SPDX-License-Identifier: Apache-2.0
// One ranking for all heads: the mean of the inner scores over KV heads. Used by CaM and TOVA-like
// methods.
#include <kvhost/sdk.hpp>

#include "support/token_scores.hpp"

namespace {

using namespace kvhost::sdk;
using namespace kvhost::plugins;

class HeadMean {
 public:
  static Description describe() {
    return wrapper("head_mean")
        .summary("Makes all heads keep the same tokens, by the inner score averaged over heads")
        .reference("kvpress 0.5.5 CAMPress, whose ranking this is")
        .notes(
            "Entries the inner scorer pins count as its largest score plus one, as in kvpress. "
            "Where an earlier cut left heads different tokens, the mean is over those that hold "
            "one.")
        .decodes();
  }

  explicit HeadMean(const Args& args) : inner_(args.child()) {}

  void score(const Layer& layer, Scores& out) const {
    const HeldTokens tokens(layer);
    std::vector<float> mean = summed_scores(inner_, layer, tokens, out);
    for (float& value : mean) value /= static_cast<float>(layer.n_kv_heads());
    tokens.hand_out(mean, out);
  }

 private:
  Child inner_;
};

}  // namespace

KVHOST_WRAPPER(HeadMean)
