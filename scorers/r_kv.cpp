// SPDX-License-Identifier: Apache-2.0
// R-KV: attention of the last queries, less how much an entry's key repeats later ones. Made for
// long answers. Paper: arXiv:2505.24133. Checked against: values of its published code.
#include <kvhost/torch.hpp>

namespace {

using namespace kvhost::sdk;

constexpr int64_t kTile = 256;     // rows of the cosine matrix at a time
constexpr double kSimilar = 0.5;   // cosine from which a key counts as a repetition, as published

class RKv {
 public:
  static Description describe() {
    return scorer("r_kv")
        .summary("Attention of the last queries, less what later keys repeat")
        .paper("arXiv:2505.24133")
        .reference("the functions of its published code on test vectors")
        .notes(
            "Importance is weighted by mix_lambda, redundancy by the rest; the published text says "
            "0.1, the code 0.07. Of each key's similar ones the last is not held against anybody; a "
            "key without any lets the first entry off, as published. All in float32, published in "
            "the model's dtype. Whatever is cut, the last window_size entries stay.")
        .param(integer("window_size", 8)
                   .min(1)
                   .max(4096)
                   .unit("tokens")
                   .doc("How many of the last queries vote; their own entries always stay"))
        .param(integer("kernel_size", 7).min(1).max(4095).odd().unit("tokens").doc(
            "Width of the pooling by maximum"))
        .param(real("mix_lambda", 0.1).min(0).max(1).doc(
            "Weight of importance; 1 leaves redundancy out"))
        .uses(KVH_T_QUERY_WINDOW)
        .decodes();
  }

  explicit RKv(const Args& args)
      : window_size_(args.integer("window_size")),
        kernel_size_(args.integer("kernel_size")),
        mix_lambda_(static_cast<float>(args.real("mix_lambda"))) {}

  void needs(Needs& needs) const { needs.add(KVH_T_QUERY_WINDOW, window_size_); }

  void score(const Layer& layer, Scores& out) const {
    const at::Tensor queries = as_float(layer.get(KVH_T_QUERY_WINDOW));  // [n_heads, W, d]
    for_each_head(layer, [&](int32_t h) {
      const Head head = layer.head(h);
      const int64_t n = head.n_entries(), n_before = head.count_before(layer.n_seen() - window_size_);
      std::fill(out.row(h) + n_before, out.row(h) + n, 0.0f);
      out.pin(h, n_before, n);
      if (n_before == 0) return;
      const at::Tensor keys = as_float(head.keys().raw());  // [n, d]
      const std::vector<float> important =
          importance(queries.narrow(0, h * layer.group_size(), layer.group_size()),
                     keys.narrow(0, 0, n_before));
      const std::vector<float> repeated = redundancy(layer, keys);
      for (int64_t i = 0; i < n_before; ++i) {
        const auto at = static_cast<size_t>(i);
        out.row(h)[i] = mix_lambda_ * important[at] - (1 - mix_lambda_) * repeated[at];
      }
    });
    out.set_pinned_to_max_plus_one();
  }

 private:
  // [n] of a group's queries [group_size, W, d] and the keys [n, d] before the window.
  std::vector<float> importance(const at::Tensor& queries, const at::Tensor& keys) const {
    const int64_t n = keys.size(0);
    const at::Tensor logits = queries.matmul(keys.t()) / std::sqrt(static_cast<double>(keys.size(1)));
    const at::Tensor rows = std::get<0>(logits.max(/*dim=*/0)).softmax(/*dim=*/1);  // [W, n]
    const at::Tensor votes = rows.mean(/*dim=*/0).contiguous();
    std::vector<float> out(static_cast<size_t>(n));
    max_pool(votes.const_data_ptr<float>(), n, kernel_size_, out.data());
    return out;
  }

  // [n] softmax of the mean cosine with all keys, of which each row leaves its last similar one out.
  static std::vector<float> redundancy(const Layer& layer, const at::Tensor& keys) {
    const int64_t n = keys.size(0);
    const at::Tensor unit = keys / (keys.norm(/*p=*/2, /*dim=*/1, /*keepdim=*/true) + 1e-8);
    const at::Tensor places = at::arange(n, at::kLong);
    at::Tensor sums = at::zeros({n}, at::kDouble);
    for (int64_t first = 0; first < n; first += kTile) {
      layer.check_cancelled();
      const int64_t rows = std::min(kTile, n - first);
      at::Tensor cosines = unit.narrow(0, first, rows).matmul(unit.t());  // [rows, n]
      cosines.diagonal(/*offset=*/first).zero_();
      const at::Tensor last = cosines.gt(kSimilar).mul(places).amax(/*dim=*/1, /*keepdim=*/true);
      cosines.scatter_(/*dim=*/1, last, 0.0);
      sums += cosines.sum(/*dim=*/0, /*keepdim=*/false, at::kDouble);
    }
    const at::Tensor shares = (sums / static_cast<double>(n)).softmax(/*dim=*/0).to(at::kFloat);
    const float* data = shares.const_data_ptr<float>();
    return {data, data + n};
  }

  int64_t window_size_, kernel_size_;
  float mix_lambda_;
};

}  // namespace

KVHOST_SCORER(RKv)
