// SPDX-License-Identifier: Apache-2.0
// StreamingLLM: the first tokens, which act as attention sinks, and the most recent ones.
// Paper: arXiv:2309.17453. Checked against: kvpress 0.5.5 StreamingLLMPress.
#include <kvhost/sdk.hpp>

namespace {

using namespace kvhost::sdk;

class StreamingLlm {
 public:
  static Description describe() {
    return scorer("streaming_llm")
        .summary("Keeps the first n_sink tokens and the most recent ones")
        .paper("arXiv:2309.17453")
        .reference("kvpress 0.5.5 StreamingLLMPress")
        .notes(
            "Positions are not renumbered, as in kvpress; the paper counts positions inside the "
            "cache. kvpress refuses prompts of n_sink tokens or fewer, here they are kept whole. "
            "kvcompress calls n_sink start_size and fixes the recent part at 508; here the budget "
            "decides it.")
        .param(integer("n_sink", 4).min(0).unit("tokens").doc("First tokens that always stay"))
        .decodes();
  }

  explicit StreamingLlm(const Args& args) : n_sink_(args.integer("n_sink")) {}

  void score(const Layer& layer, Scores& out) const {
    for (int32_t h = 0; h < layer.n_kv_heads(); ++h) {
      const Head head = layer.head(h);
      for (int64_t i = 0; i < head.n_entries(); ++i) {
        out.row(h)[i] = static_cast<float>(head.position(i));
      }
      out.pin(h, 0, head.count_before(n_sink_));
    }
  }

 private:
  int64_t n_sink_;
};

}  // namespace

KVHOST_SCORER(StreamingLlm)
