// SPDX-License-Identifier: Apache-2.0
// DMS, inference part: an entry that leaves the sliding window goes when its score is below a
// threshold. How much is kept follows from the scores. Paper: arXiv:2506.05345. Checked against:
// kvpress 0.5.5 DMSPress.
#include <kvhost/sdk.hpp>

namespace {

using namespace kvhost::sdk;

class Dms {
 public:
  static Description describe() {
    return head_allocator("dms")
        .summary("Drops what scores below a threshold once it has left the sliding window")
        .paper("arXiv:2506.05345")
        .reference("kvpress 0.5.5 DMSPress")
        .notes(
            "The threshold takes the budget's place. kvpress masks and keeps the bytes; here they "
            "are freed. While generating, entries are judged when the cut runs (--decode-every), "
            "in kvpress at every token; entries inside the window are safe in both. Entries the "
            "inner scorer pins stay. As a --decode-press the scores of earlier tokens are computed "
            "again, which changes nothing for scorers that look at one token at a time (knorm, "
            "qfilter, kvzap).")
        .param(real("threshold", 0)
                   .doc("Entries with a smaller score go; on the scale of the inner scorer"))
        .param(integer("sliding_window_size", 128)
                   .min(0)
                   .unit("tokens")
                   .doc("The last tokens that are never dropped"))
        .own_total()
        .edits_scores()
        .decodes();
  }

  explicit Dms(const Args& args)
      : threshold_(static_cast<float>(args.real("threshold"))),
        sliding_window_size_(args.integer("sliding_window_size")) {}

  std::vector<int64_t> allocate(const Layer& layer, const Scores& scores) const {
    std::vector<int64_t> counts;
    for (int32_t h = 0; h < layer.n_kv_heads(); ++h) {
      const Head head = layer.head(h);
      const int64_t outside = head.count_before(layer.n_seen() - sliding_window_size_);
      int64_t kept = 0;
      for (int64_t i = 0; i < head.n_entries(); ++i) {
        int8_t& pin = scores.pin_row(h)[i];
        const bool stays = i >= outside || pin > 0 || scores.row(h)[i] >= threshold_;
        pin = stays ? 1 : -1;
        kept += stays ? 1 : 0;
      }
      counts.push_back(kept);
    }
    return counts;
  }

 private:
  float threshold_;
  int64_t sliding_window_size_;
};

}  // namespace

KVHOST_HEAD_ALLOCATOR(Dms)
