// SPDX-License-Identifier: Apache-2.0
// ChunkKV: tokens stay or go in chunks, so that what is kept remains readable. Paper:
// arXiv:2502.00299. Checked against: kvpress 0.5.5 ChunkKVPress.
#include <kvhost/sdk.hpp>

#include "support/chunks.hpp"
#include "support/token_scores.hpp"

namespace {

using namespace kvhost::sdk;
using namespace kvhost::plugins;

class ChunkKv {
 public:
  static Description describe() {
    return wrapper("chunkkv")
        .summary("Keeps whole chunks of tokens, the same in every head, by their mean inner score")
        .paper("arXiv:2502.00299")
        .default_inner("snapkv")
        .reference("kvpress 0.5.5 ChunkKVPress")
        .notes(
            "kvpress keeps a whole number of chunks and so misses the budget by up to a chunk; "
            "here the last chunk gives its best tokens and the budget is met exactly. Of a "
            "prompt shorter than one chunk every head keeps its own best tokens.")
        .param(integer("chunk_length", 20)
                   .min(1)
                   .unit("tokens")
                   .doc("Tokens that stay or go together; larger keeps more context around each"));
  }

  explicit ChunkKv(const Args& args)
      : inner_(args.child()), chunk_length_(args.integer("chunk_length")) {}

  void score(const Layer& layer, Scores& out) const {
    if (layer.kv_len() < chunk_length_) return inner_.score(layer, out);
    const HeldTokens held(layer);
    const std::vector<float> scores = summed_scores(inner_, layer, held, out);
    require_finite(scores, inner_.name());
    const auto chunks = cut_into_chunks(scores, chunk_length_);
    std::vector<int32_t> order;
    for (const size_t c : best_chunks(chunks)) {
      const auto tokens = best_tokens(scores, chunks[c].begin, chunks[c].end);
      order.insert(order.end(), tokens.begin(), tokens.end());
    }
    held.rank(order, out);
  }

 private:
  Child inner_;
  int64_t chunk_length_;
};

}  // namespace

KVHOST_WRAPPER(ChunkKv)
