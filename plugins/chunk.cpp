// SPDX-License-Identifier: Apache-2.0
// Chunked selection: every chunk of the prompt is compressed on its own, by the same share.
// Introduced with FINCH (TACL, doi:10.1162/tacl_a_00716). Checked against: kvpress 0.5.5
// ChunkPress.
#include <kvhost/sdk.hpp>

#include "support/best_entries.hpp"

namespace {

using namespace kvhost::sdk;
using namespace kvhost::plugins;

class ChunkPress {
 public:
  static Description describe() {
    return wrapper("chunk")
        .summary("Scores chunks of the prompt one by one and keeps the same share of each")
        .paper("doi:10.1162/tacl_a_00716")
        .default_inner("snapkv")
        .reference("kvpress 0.5.5 ChunkPress")
        .notes(
            "The inner scorer sees a chunk as if the prompt ended there: SnapKV's window is the "
            "chunk's end, with the right positions (kvpress rotates every chunk's queries as if "
            "they stood at the end of the prompt). Shares of chunks are apportioned so that the "
            "budget is met exactly; kvpress rounds every chunk down.")
        .param(integer("chunk_length", 1024).min(1).unit("tokens").doc("Tokens per chunk"))
        .scores_parts()
        .needs_budget();
  }

  explicit ChunkPress(const Args& args)
      : inner_(args.child()), chunk_length_(args.integer("chunk_length")) {}

  void score(const Layer& layer, Scores& out) const {
    const int64_t n = layer.kv_len();
    for (int32_t h = 0; h < layer.n_kv_heads(); ++h)
      std::fill_n(out.row(h), out.n_entries(h), 0.0f);
    std::vector<std::vector<int64_t>> shares;
    for (int32_t h = 0; h < layer.n_kv_heads(); ++h) shares.push_back(share_of_chunks(layer, h));
    for (int64_t begin = 0; begin < n; begin += chunk_length_) {
      layer.check_cancelled();
      score_chunk(layer, begin, shares, out);
    }
  }

 private:
  // Entries each chunk of head h keeps: in proportion to its length.
  std::vector<int64_t> share_of_chunks(const Layer& layer, int32_t h) const {
    const int64_t n = layer.head(h).n_entries();
    std::vector<double> lengths;
    Bounds bounds;
    for (int64_t begin = 0; begin < n; begin += chunk_length_) {
      const int64_t length = std::min(chunk_length_, n - begin);
      lengths.push_back(static_cast<double>(length));
      bounds.min.push_back(0);
      bounds.max.push_back(length);
    }
    return lengths.empty() ? std::vector<int64_t>{}
                           : apportion(lengths, even_share(layer, h), bounds);
  }

  void score_chunk(const Layer& layer,
                   int64_t begin,
                   const std::vector<std::vector<int64_t>>& shares,
                   Scores& out) const {
    std::vector<std::vector<int32_t>> entries;
    std::vector<int64_t> counts;
    int64_t end_position = 1;
    for (int32_t h = 0; h < layer.n_kv_heads(); ++h) {
      const Head head = layer.head(h);
      const int64_t end = std::min(begin + chunk_length_, head.n_entries());
      entries.emplace_back();
      for (int64_t i = begin; i < end; ++i) entries.back().push_back(static_cast<int32_t>(i));
      counts.push_back(std::max<int64_t>(end - begin, 0));
      if (end > begin) end_position = std::max<int64_t>(end_position, head.position(end - 1) + 1);
    }
    ScoreBuffer buffer(counts);
    Scores scores = buffer.scores();
    inner_.score_part(layer, entries, end_position, scores);
    for (int32_t h = 0; h < layer.n_kv_heads(); ++h) {
      const int64_t n = counts[static_cast<size_t>(h)];
      if (n == 0) continue;
      std::copy_n(scores.row(h), n, out.row(h) + begin);
      const int64_t kept =
          shares[static_cast<size_t>(h)][static_cast<size_t>(begin / chunk_length_)];
      for (const int32_t i : best_entries(scores.row(h), scores.pin_row(h), n, kept))
        out.pin_row(h)[begin + i] = 1;
    }
  }

  Child inner_;
  int64_t chunk_length_;
};

}  // namespace

KVHOST_WRAPPER(ChunkPress)
