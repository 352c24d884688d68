// SPDX-License-Identifier: Apache-2.0
// Key norms with protection that depends on the length: long contexts keep the first entries and a
// recent half, shorter ones a recent fifth. Paper: arXiv:2406.11430 (key norm). Checked against: a
// transcription of kvcompress's rule.
#include <kvhost/sdk.hpp>

namespace {

using namespace kvhost::sdk;

constexpr int64_t kStart = 4;  // kvcompress's constants
constexpr double kRecentShare = 0.2;

class AdaptiveL2 {
 public:
  static Description describe() {
    return scorer("adaptive_l2")
        .summary("Keeps small key norms, and recent entries by the length of the context")
        .paper("arXiv:2406.11430")
        .reference("kvcompress adaptive_l2")
        .notes(
            "Its own budget for n tokens, when the user gives none: all of them up to soft_limit, "
            "max(soft_limit, floor(n * ratio)) up to hard_limit with a ratio that falls from "
            "keep_ratio_max to keep_ratio_min, and target_size beyond. length=seen goes by the "
            "tokens read, so that generating step by step moves through the limits; length=cache "
            "goes by the entries held, as kvcompress does, which pins the cache to soft_limit for "
            "ever. Its skip_layers is not part of a scorer.")
        .param(integer("target_size", 512)
                   .min(1)
                   .unit("entries")
                   .doc("Entries per head beyond hard_limit; a budget given by the user decides"))
        .param(integer("soft_limit", 256).min(1).unit("tokens").doc("Up to it all entries stay"))
        .param(integer("hard_limit", 1024)
                   .min(0)
                   .unit("tokens")
                   .doc("Above it the first 4 entries and the last half of the budget stay"))
        .param(real("keep_ratio_min", 0.3).min(0).max(1).doc("Share that is kept at hard_limit"))
        .param(real("keep_ratio_max", 0.9).min(0).max(1).doc("Share that is kept at soft_limit"))
        .param(choice("length", {"seen", "cache"}).doc("What is compared with hard_limit"))
        .needs_budget()
        .decodes();
  }

  explicit AdaptiveL2(const Args& args)
      : target_size_(args.integer("target_size")),
        soft_limit_(args.integer("soft_limit")),
        ratio_min_(args.real("keep_ratio_min")),
        ratio_max_(args.real("keep_ratio_max")),
        hard_limit_(args.integer("hard_limit")),
        by_cache_(args.choice("length") == "cache") {}

  int64_t own_budget(int64_t n) const {
    if (n <= soft_limit_) return n;
    if (n > hard_limit_) return std::min(n, target_size_);
    const double progress =
        static_cast<double>(n - soft_limit_) / static_cast<double>(hard_limit_ - soft_limit_);
    const double ratio = ratio_max_ - progress * (ratio_max_ - ratio_min_);
    const auto share = static_cast<int64_t>(static_cast<double>(n) * ratio);
    return std::min(n, std::max(share, soft_limit_));
  }

  void score(const Layer& layer, Scores& out) const {
    const int64_t budget = layer.layer_budget() / layer.n_kv_heads();
    for_each_head(layer, [&](int32_t h) {
      const Head head = layer.head(h);
      const Matrix keys = head.keys();  // [n, d]
      std::vector<float> scratch;
      for (int64_t i = 0; i < keys.rows(); ++i) {
        const double norm = std::sqrt(squared_norm(keys.row(i, scratch), keys.cols()));
        out.row(h)[i] = static_cast<float>(-norm);
      }
      const bool is_long = (by_cache_ ? head.n_entries() : layer.n_seen()) > hard_limit_;
      protect(budget, is_long, out, h, head.n_entries());
    });
  }

 private:
  static void protect(int64_t budget, bool is_long, Scores& out, int32_t h, int64_t n) {
    const auto recent =
        is_long ? budget / 2 : static_cast<int64_t>(static_cast<double>(budget) * kRecentShare);
    const int64_t start = is_long ? std::min(kStart, n) : 0;
    if (budget - start - recent <= 0) return out.pin(h, 0, n);  // only the last ones
    out.pin(h, std::max<int64_t>(0, n - recent), n, /*value=*/1);
    out.pin(h, 0, start, /*value=*/2);
  }

  int64_t target_size_, soft_limit_;
  double ratio_min_, ratio_max_;
  int64_t hard_limit_;
  bool by_cache_;
};

}  // namespace

KVHOST_SCORER(AdaptiveL2)
