// SPDX-License-Identifier: Apache-2.0
// Entropy-gated ChunkKV: a chunk that matters because of a few tokens gives up the others. Based on
// arXiv:2502.00299. Checked against: kvpress 0.5.5 EntropyGatedChunkKVPress.
#include <kvhost/sdk.hpp>

#include "support/chunks.hpp"
#include "support/token_scores.hpp"

namespace {

using namespace kvhost::sdk;
using namespace kvhost::plugins;

constexpr float kEpsilon = 1e-8f;

// Entropy of the chunk's scores, shifted to be >= 0 and normalised, as a share of the largest
// possible: [0, 1].
float relative_entropy(const std::vector<float>& scores, const Chunk& chunk) {
  if (chunk.length() == 1) return 0;
  const float* x = scores.data() + chunk.begin;
  const float shift = std::min(0.0f, *std::min_element(x, x + chunk.length()));
  float sum = 0;
  for (int64_t i = 0; i < chunk.length(); ++i) sum += x[i] - shift;
  float entropy = 0;
  for (int64_t i = 0; i < chunk.length(); ++i) {
    const float p = (x[i] - shift) / (sum + kEpsilon);
    entropy -= p * std::log(p + kEpsilon);
  }
  return std::clamp(entropy / std::log(static_cast<float>(chunk.length())), 0.0f, 1.0f);
}

// The lower of the two middle values where there are two.
float lower_median(std::vector<float> values) {
  const auto middle = values.begin() + static_cast<int64_t>((values.size() - 1) / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

class EntropyGatedChunkKv {
 public:
  static Description describe() {
    return wrapper("entropy_gated_chunkkv")
        .summary("Keeps chunks whole, but only the best tokens of important chunks that are spiky")
        .paper("arXiv:2502.00299")
        .default_inner("snapkv")
        .reference("kvpress 0.5.5 EntropyGatedChunkKVPress")
        .param(integer("chunk_length", 10)
                   .min(2)
                   .unit("tokens")
                   .doc("Tokens per chunk; larger keeps more context around each"))
        .param(integer("low_entropy_chunk_length", 4)
                   .min(1)
                   .unit("tokens")
                   .doc("Tokens that an important chunk with spiky scores keeps at first"));
  }

  explicit EntropyGatedChunkKv(const Args& args)
      : inner_(args.child()),
        chunk_length_(args.integer("chunk_length")),
        low_length_(args.integer("low_entropy_chunk_length")) {
    if (low_length_ >= chunk_length_)
      bad_parameter("low_entropy_chunk_length",
                    "found " + std::to_string(low_length_) + "; expected less than chunk_length, " +
                        std::to_string(chunk_length_));
  }

  void score(const Layer& layer, Scores& out) const {
    const HeldTokens held(layer);
    const std::vector<float> scores = summed_scores(inner_, layer, held, out);
    require_finite(scores, inner_.name());
    held.rank(walk(scores), out);
  }

 private:
  // The order in which tokens are taken: chunk by chunk, then what spiky chunks gave up. A smaller
  // budget takes a shorter front of the same order.
  std::vector<int32_t> walk(const std::vector<float>& scores) const {
    const auto chunks = cut_into_chunks(scores, chunk_length_);
    if (chunks.empty()) return {};
    std::vector<float> means, entropies;
    for (const Chunk& chunk : chunks) {
      means.push_back(chunk.score);
      entropies.push_back(relative_entropy(scores, chunk));
    }
    const float median_mean = lower_median(means), median_entropy = lower_median(entropies);
    std::vector<int32_t> order, left;
    for (const size_t c : best_chunks(chunks)) {
      const auto tokens = best_tokens(scores, chunks[c].begin, chunks[c].end);
      const bool spiky = means[c] >= median_mean && entropies[c] < median_entropy;
      const auto taken =
          spiky ? std::min<size_t>(tokens.size(), static_cast<size_t>(low_length_)) : tokens.size();
      order.insert(order.end(), tokens.begin(), tokens.begin() + static_cast<int64_t>(taken));
      left.insert(left.end(), tokens.begin() + static_cast<int64_t>(taken), tokens.end());
    }
    std::sort(left.begin(), left.end(), [&](int32_t a, int32_t b) {
      const float x = scores[static_cast<size_t>(a)], y = scores[static_cast<size_t>(b)];
      return x != y ? x > y : a < b;
    });
    order.insert(order.end(), left.begin(), left.end());
    return order;
  }

  Child inner_;
  int64_t chunk_length_, low_length_;
};

}  // namespace

KVHOST_WRAPPER(EntropyGatedChunkKv)
