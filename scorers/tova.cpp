// SPDX-License-Identifier: Apache-2.0
// TOVA: the attention of the last query, averaged over all heads, so that every head keeps the same
// tokens. Paper: arXiv:2401.06104. Checked against: kvpress 0.5.5 TOVAPress.
#include <kvhost/sdk.hpp>

namespace {

using namespace kvhost::sdk;

class Tova {
 public:
  static Description describe() {
    return scorer("tova")
        .summary("Attention that the last query pays, averaged over all heads")
        .paper("arXiv:2401.06104")
        .reference("kvpress 0.5.5 TOVAPress")
        .notes(
            "The last token always stays, as in kvpress; the paper lets it compete. Where heads "
            "hold different tokens, a token's score is the sum over the heads that hold it.")
        .uses(KVH_T_WINDOW_ATTENTION)
        .decodes();
  }

  explicit Tova(const Args&) {}

  void needs(Needs& needs) const { needs.window_attention(1); }

  void score(const Layer& layer, Scores& out) const {
    std::vector<float> votes(static_cast<size_t>(layer.n_seen()));  // by position
    std::vector<float> scratch;
    for (int32_t h = 0; h < layer.n_kv_heads(); ++h) {
      const Head head = layer.head(h);
      const Cube attention = head.window_attention();  // [group_size, 1, n]
      for (int64_t g = 0; g < attention.slices(); ++g) {
        const float* row = attention.row(g, attention.rows() - 1, scratch);
        for (int64_t i = 0; i < head.n_entries(); ++i) {
          votes[static_cast<size_t>(head.position(i))] += row[i];
        }
      }
    }
    for (int32_t h = 0; h < layer.n_kv_heads(); ++h) {
      const Head head = layer.head(h);
      for (int64_t i = 0; i < head.n_entries(); ++i) {
        out.row(h)[i] =
            votes[static_cast<size_t>(head.position(i))] / static_cast<float>(layer.n_heads());
      }
      out.pin(h, head.count_before(layer.n_seen() - 1), head.n_entries());
    }
    out.set_pinned_to_max_plus_one();
  }
};

}  // namespace

KVHOST_SCORER(Tova)
