// SPDX-License-Identifier: Apache-2.0
// A fixed number of entries: some of the last ones stay, the rest is chosen by key norm or at
// random. Paper: arXiv:2406.11430 (key norm). Checked against: a transcription of kvcompress's
// rule.
#include <kvhost/sdk.hpp>

namespace {

using namespace kvhost::sdk;

class FixSizeL2 {
 public:
  static Description describe() {
    return scorer("fix_size_l2")
        .summary("Keeps a share of recent entries, and of the others those of small key norm")
        .paper("arXiv:2406.11430")
        .reference("kvcompress fix_size_l2")
        .notes(
            "fix_kv_size is this method's own budget; a budget given by the user wins, and "
            "keep_ratio is a share of that one. kvcompress's random strategy draws from torch's "
            "global generator, here from the run's seed. Its skip_layers is not part of a scorer.")
        .param(integer("fix_kv_size", 1024)
                   .min(1)
                   .unit("entries")
                   .doc("Entries per head in the method's own budget; a given budget decides"))
        .param(real("keep_ratio", 0.0)
                   .min(0)
                   .max(1)
                   .doc("Share of the budget that goes to the most recent entries"))
        .param(choice("strategy", {"keep_low", "keep_high", "random"})
                   .doc("Which of the other entries stay: small norm, large norm, any"))
        .needs_budget()
        .decodes();
  }

  explicit FixSizeL2(const Args& args)
      : fix_kv_size_(args.integer("fix_kv_size")),
        keep_ratio_(args.real("keep_ratio")),
        strategy_(args.choice("strategy")) {}

  int64_t own_budget(int64_t /*n_tokens*/) const { return fix_kv_size_; }

  void score(const Layer& layer, Scores& out) const {
    const int64_t per_head = layer.layer_budget() / layer.n_kv_heads();
    const auto n_recent = static_cast<int64_t>(static_cast<double>(per_head) * keep_ratio_);
    for_each_head(layer, [&](int32_t h) {
      const Head head = layer.head(h);
      const Matrix keys = head.keys();  // [n, d]
      std::vector<float> scratch;
      for (int64_t i = 0; i < keys.rows(); ++i) {
        const double norm = std::sqrt(squared_norm(keys.row(i, scratch), keys.cols()));
        out.row(h)[i] = std::isfinite(norm) ? entry_score(layer, h, head.position(i), norm)
                                            : std::numeric_limits<float>::quiet_NaN();
      }
      out.pin(h, std::max<int64_t>(0, head.n_entries() - n_recent), head.n_entries());
    });
  }

 private:
  float entry_score(const Layer& layer, int32_t h, int32_t position, double norm) const {
    if (strategy_ == "keep_low") return static_cast<float>(-norm);
    if (strategy_ == "keep_high") return static_cast<float>(norm);
    const auto index = static_cast<uint64_t>(layer.index());
    return uniform_float(random_bits(
        layer.seed(), index, static_cast<uint64_t>(h), static_cast<uint64_t>(position)));
  }

  int64_t fix_kv_size_;
  double keep_ratio_;
  std::string strategy_;
};

}  // namespace

KVHOST_SCORER(FixSizeL2)
