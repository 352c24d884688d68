// SPDX-License-Identifier: Apache-2.0
// H2O with key norms: the first and the last entries stay, of those between the ones with small key
// norm. Papers: arXiv:2306.14048 (heavy hitters), arXiv:2406.11430 (key norm). Checked against: a
// transcription of kvcompress's rule.
#include <kvhost/sdk.hpp>

namespace {

using namespace kvhost::sdk;

class H2oL2 {
 public:
  static Description describe() {
    return scorer("h2o_l2")
        .summary("Keeps the first and the most recent entries, and in between small key norms")
        .paper("arXiv:2306.14048")
        .reference("kvcompress h2o_l2")
        .notes(
            "kvcompress keeps start_size + heavy_hitter_size + recent_size entries per head; that "
            "is this method's own budget. A budget given by the user wins: first and recent "
            "entries stay, the recent part is shortened when both do not fit, and what is left "
            "goes to the lowest key norms. Unlike H2O, no attention is accumulated.")
        .param(integer("start_size", 4).min(0).unit("entries").doc("First tokens that always stay"))
        .param(
            integer("heavy_hitter_size", 64)
                .min(0)
                .unit("entries")
                .doc(
                    "Entries of small key norm in the method's own budget; a given budget decides"))
        .param(integer("recent_size", 444)
                   .min(0)
                   .unit("entries")
                   .doc("Last tokens that stay before any key norm counts"))
        .decodes();
  }

  explicit H2oL2(const Args& args)
      : start_size_(args.integer("start_size")),
        heavy_hitter_size_(args.integer("heavy_hitter_size")),
        recent_size_(args.integer("recent_size")) {}

  int64_t own_budget(int64_t /*n_tokens*/) const {
    return start_size_ + heavy_hitter_size_ + recent_size_;
  }

  void score(const Layer& layer, Scores& out) const {
    for_each_head(layer, [&](int32_t h) {
      const Head head = layer.head(h);
      const Matrix keys = head.keys();  // [n, d]
      std::vector<float> scratch;
      for (int64_t i = 0; i < keys.rows(); ++i) {
        const double norm = std::sqrt(squared_norm(keys.row(i, scratch), keys.cols()));
        out.row(h)[i] = static_cast<float>(-norm);
      }
      // When they do not all fit, first entries go before recent ones, and of those the last
      // remain.
      const int64_t start = head.count_before(start_size_);
      out.pin(h, head.count_before(layer.n_seen() - recent_size_), head.n_entries(), /*value=*/1);
      out.pin(h, 0, start, /*value=*/2);
    });
  }

 private:
  int64_t start_size_;
  int64_t heavy_hitter_size_;
  int64_t recent_size_;
};

}  // namespace

KVHOST_SCORER(H2oL2)
