// SPDX-License-Identifier: Apache-2.0
// VaSE: entries with the widest values stay, the others are drawn with a chance that grows with the
// attention they get. Made for long answers. Paper: arXiv:2606.03928. Checked against: values of its
// published code.
#include <kvhost/sdk.hpp>

namespace {

using namespace kvhost::sdk;

class Vase {
 public:
  static Description describe() {
    return scorer("vase")
        .summary("Widest values stay, the others are drawn by the attention they get")
        .paper("arXiv:2606.03928")
        .reference("VaSE-AttnV of its published code, on test vectors")
        .notes(
            "A draw depends on seed, layer, head, time and position only: the largest of log "
            "attention plus a Gumbel number, which is drawing without replacement. The published "
            "code cuts while generating only. Its other variant is "
            "cur(use_random_leverage=true,use_local_approximation=false).")
        .param(integer("window_size", 64)
                   .min(1)
                   .max(4096)
                   .unit("tokens")
                   .doc("The last tokens: they stay, and their attention counts"))
        .param(integer("num_sinks", 4).min(0).max(4096).unit("tokens").doc(
            "First tokens that always stay"))
        .param(real("wide_share", 0.25).min(0).max(1).doc(
            "Share of the budget for the entries with the widest values"))
        .param(integer("kernel_size", 5).min(1).max(4095).odd().unit("tokens").doc(
            "Width of the pooling of attention"))
        .param(optional_integer("seed").min(0).max(kMostSeed).doc(
            "Of the draws; none: the run's own seed"))
        .uses(KVH_T_WINDOW_ATTENTION)
        .needs_budget()
        .decodes();
  }

  explicit Vase(const Args& args)
      : window_size_(args.integer("window_size")),
        num_sinks_(args.integer("num_sinks")),
        wide_share_(args.real("wide_share")),
        kernel_size_(args.integer("kernel_size")),
        seed_(args.optional_integer("seed")) {}

  void needs(Needs& needs) const { needs.window_attention(window_size_); }

  void score(const Layer& layer, Scores& out) const {
    const int64_t budget = layer.layer_budget() / layer.n_kv_heads();
    for_each_head(layer, [&](int32_t h) {
      const Head head = layer.head(h);
      const int64_t n = head.n_entries(), n_before = head.count_before(layer.n_seen() - window_size_);
      std::vector<float> votes = attention(head, n_before);
      const auto room = std::clamp<int64_t>(budget - (n - n_before), 0, n_before);
      const auto n_wide =
          std::min(static_cast<int64_t>(wide_share_ * static_cast<double>(budget)), room);
      for (const int64_t i : widest(head, n_before, n_wide)) {
        votes[static_cast<size_t>(i)] = 0;
        out.pin_row(h)[i] = 1;
      }
      for (int64_t i = 0; i < n_before; ++i)
        out.row(h)[i] = std::log(std::max(votes[static_cast<size_t>(i)], kLeast)) +
                        gumbel(layer, h, head.position(i));
      std::fill(out.row(h) + n_before, out.row(h) + n, 0.0f);
      out.pin(h, n_before, n, /*value=*/2);
    });
    out.set_pinned_to_max_plus_one();
  }

 private:
  static constexpr float kLeast = 1e-37f;  // has a logarithm; is never drawn before a real vote

  // [n] of the entries before the window: softmax rows over these alone, averaged and pooled.
  std::vector<float> attention(const Head& head, int64_t n) const {
    const Cube rows = head.window_attention();  // [group_size, W, n_entries]
    std::vector<float> sum(static_cast<size_t>(n)), pooled(sum), scratch;
    for (int64_t g = 0; g < rows.slices(); ++g)
      for (int64_t w = 0; w < rows.rows(); ++w) {
        const float* row = rows.row(g, w, scratch);
        const float whole = std::accumulate(row, row + n, 0.0f);
        if (whole <= 0) continue;
        for (int64_t i = 0; i < n; ++i) sum[static_cast<size_t>(i)] += row[i] / whole;
      }
    const auto count = static_cast<float>(rows.slices() * rows.rows());
    for (float& vote : sum) vote /= count;
    average_pool(sum.data(), n, kernel_size_, pooled.data());
    return pooled;
  }

  // Of the first `n` entries the `n_wide` whose values reach furthest, first tokens before all.
  std::vector<int64_t> widest(const Head& head, int64_t n, int64_t n_wide) const {
    const Matrix values = head.values();
    std::vector<float> reach, scratch;
    for (int64_t i = 0; i < n; ++i) {
      const float* row = values.row(i, scratch);
      const auto [low, high] = std::minmax_element(row, row + values.cols());
      reach.push_back(head.position(i) < num_sinks_ ? std::numeric_limits<float>::infinity()
                                                    : *high - *low);
    }
    std::vector<int64_t> order(static_cast<size_t>(n));
    std::iota(order.begin(), order.end(), int64_t{0});
    std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
      return reach[static_cast<size_t>(a)] > reach[static_cast<size_t>(b)];
    });
    order.resize(static_cast<size_t>(n_wide));
    return order;
  }

  float gumbel(const Layer& layer, int32_t h, int32_t position) const {
    const uint64_t seed = seed_ ? static_cast<uint64_t>(*seed_) : layer.seed();
    const uint64_t place = static_cast<uint64_t>(layer.index()) << 32 | static_cast<uint32_t>(h);
    const uint64_t bits = random_bits(
        seed, place, static_cast<uint64_t>(layer.n_seen()), static_cast<uint64_t>(position));
    return -std::log(-std::log(uniform_float(bits) + 0x1p-25f));
  }

  int64_t window_size_, num_sinks_;
  double wide_share_;
  int64_t kernel_size_;
  std::optional<int64_t> seed_;
};

}  // namespace

KVHOST_SCORER(Vase)
