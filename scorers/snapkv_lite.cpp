// SPDX-License-Identifier: Apache-2.0
// SnapKV without attention: small key norms stand in for votes, smoothed over neighbours; the last
// tokens stay. Papers: arXiv:2404.14469, arXiv:2406.11430. Checked against: a transcription of
// kvcompress's rule.
#include <kvhost/sdk.hpp>

namespace {

using namespace kvhost::sdk;

class SnapKvLite {
 public:
  static Description describe() {
    return scorer("snapkv_lite")
        .summary("Keeps the last tokens and passages of small key norm")
        .paper("arXiv:2404.14469")
        .reference("kvcompress snapkv_lite")
        .notes(
            "keep_size is this method's own budget; a budget given by the user wins. No query "
            "votes: the observation window is only kept. edge=zero pools over zeros beyond both "
            "ends as kvcompress does, which lowers the first two tokens and the last two before "
            "the window; edge=renormalise divides by the entries that exist. Even kernels, which "
            "shift by half an entry in kvcompress, are refused. Its skip_layers is not part of a "
            "scorer.")
        .param(integer("observation_window", 32)
                   .min(0)
                   .unit("tokens")
                   .doc("Last tokens that always stay"))
        .param(integer("keep_size", 512)
                   .min(1)
                   .unit("entries")
                   .doc("Entries per head in the method's own budget; a given budget decides"))
        .param(integer("pooling_kernel", 5)
                   .min(1)
                   .odd()
                   .unit("entries")
                   .doc("Width of the pooling; larger keeps whole passages together"))
        .param(choice("edge", {"zero", "renormalise"}).doc("What is averaged at both ends"))
        .decodes();
  }

  explicit SnapKvLite(const Args& args)
      : observation_window_(args.integer("observation_window")),
        keep_size_(args.integer("keep_size")),
        kernel_(args.integer("pooling_kernel")),
        renormalise_(args.choice("edge") == "renormalise") {}

  int64_t own_budget(int64_t /*n_tokens*/) const { return keep_size_; }

  void score(const Layer& layer, Scores& out) const {
    for_each_head(layer, [&](int32_t h) {
      const Head head = layer.head(h);
      const Matrix keys = head.keys();  // [n, d]
      const int64_t n = keys.rows();
      const int64_t n_before = head.count_before(layer.n_seen() - observation_window_);
      std::vector<float> low(static_cast<size_t>(n)), scratch;
      for (int64_t i = 0; i < n; ++i) {
        const double norm = std::sqrt(squared_norm(keys.row(i, scratch), keys.cols()));
        low[static_cast<size_t>(i)] = static_cast<float>(-norm);
      }
      const float lowest =
          n_before > 0 ? *std::min_element(low.begin(), low.begin() + n_before) : 0;
      for (float& x : low) x += 1e-6f - lowest;
      std::copy(low.begin(), low.end(), out.row(h));
      if (n_before >= kernel_) pool(low.data(), n_before, out.row(h));
      out.pin(h, n_before, n);
    });
  }

 private:
  void pool(const float* in, int64_t n, float* out) const {
    average_pool(in, n, kernel_, out);
    if (!renormalise_) return;
    const int64_t half = kernel_ / 2;
    for (int64_t i = 0; i < n; ++i) {
      const int64_t there = std::min(n, i + half + 1) - std::max<int64_t>(0, i - half);
      out[i] *= static_cast<float>(kernel_) / static_cast<float>(there);
    }
  }

  int64_t observation_window_, keep_size_, kernel_;
  bool renormalise_;
};

}  // namespace

KVHOST_SCORER(SnapKvLite)
