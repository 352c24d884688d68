// SPDX-License-Identifier: Apache-2.0
// DefensiveKV's scores: an entry is worth what it got from whichever query needed it most, times how
// far its value reaches in the output. Paper: arXiv:2510.13334. Checked against: values of its
// published code.
#include <kvhost/torch.hpp>

namespace {

using namespace kvhost::sdk;

constexpr double kCovered = 0.9;  // share of attention that a head's safe entries hold, as published

class Defensive {
 public:
  static Description describe() {
    return scorer("defensive")
        .summary("The most that any late query and head of the group asked of an entry")
        .paper("arXiv:2510.13334")
        .reference("DefensiveKV of its published code, on test vectors")
        .notes(
            "The published methods are adakv(alpha_safeguard=0):defensive and joint:defensive. The "
            "cap on safe entries goes by what all layers keep together, as published; it turns around where the budget is less than twice the window; here none are safe then. "
            "Float32 throughout, published in the model's dtype. A prompt no longer than the window "
            "is kept whole. Behind an earlier cut every head goes by the entries that it holds.")
        .param(integer("window_size", 32)
                   .min(1)
                   .max(4096)
                   .unit("tokens")
                   .doc("How many of the last queries ask; their own entries always stay"))
        .param(integer("kernel_size", 5).min(1).max(4095).odd().unit("tokens").doc(
            "Width of the smoothing"))
        .param(choice("protect", {"pin", "score"})
                   .doc("How safe entries stay: before all others, or by the layer's largest score, "
                        "as published"))
        .uses(KVH_T_WINDOW_ATTENTION)
        .uses(KVH_T_OUTPUT_WEIGHT);
  }

  explicit Defensive(const Args& args)
      : window_size_(args.integer("window_size")),
        kernel_size_(args.integer("kernel_size")),
        pins_(args.choice("protect") == "pin") {}

  void needs(Needs& needs) const {
    needs.window_attention(window_size_);
    needs.add(KVH_T_OUTPUT_WEIGHT);
  }

  void score(const Layer& layer, Scores& out) const {
    const int32_t n_heads = layer.n_kv_heads();
    std::vector<Asked> asked(static_cast<size_t>(n_heads));
    for_each_head(layer, [&](int32_t h) {
      const int64_t n = before_window(layer, h);
      if (n > 0) asked[static_cast<size_t>(h)] = ask(layer.head(h), n);
    });
    weigh(layer, asked);
    float most = 0;
    double own_window = 0;
    for (const Asked& head : asked) {
      for (const float x : head.worst) most = std::max(most, x);
      own_window += head.last_columns / n_heads;
    }
    for (int32_t h = 0; h < n_heads; ++h) {
      const Asked& head = asked[static_cast<size_t>(h)];
      const int64_t n_before = before_window(layer, h), n_safe = most_safe(layer, n_before);
      std::copy(head.worst.begin(), head.worst.end(), out.row(h));
      for (const int64_t i : safe(head.mean, kCovered - own_window, n_safe))
        protect(h, i, i + 1, most, /*pin=*/1, out);
      protect(h, n_before, out.n_entries(h), most, /*pin=*/2, out);
    }
  }

 private:
  // What the window asks of one head's entries before it.
  struct Asked {
    std::vector<float> worst;  // [n] the largest of its smoothed rows
    std::vector<float> mean;   // [n] of its rows
    double last_columns = 0;   // attention that falls on the last window_size of these, of a row
  };

  // Entries of a head that are not the window's own.
  int64_t before_window(const Layer& layer, int32_t h) const {
    return layer.head(h).count_before(layer.n_seen() - window_size_);
  }

  Asked ask(const Head& head, int64_t n) const {
    const Cube rows = head.window_attention();  // [group_size, W, n_entries]
    const auto size = static_cast<size_t>(n);
    Asked out{std::vector<float>(size), std::vector<float>(size), 0};
    std::vector<float> smooth(size), scratch;
    const auto count = static_cast<float>(rows.slices() * rows.rows());
    for (int64_t g = 0; g < rows.slices(); ++g)
      for (int64_t w = 0; w < rows.rows(); ++w) {
        const float* row = rows.row(g, w, scratch);
        average_pool(row, n, kernel_size_, smooth.data());
        const float mass = std::accumulate(row, row + n, 0.0f);
        const float pooled = std::accumulate(smooth.begin(), smooth.end(), 0.0f);
        const float scale = pooled > 0 ? mass / pooled : 0.0f;
        for (size_t i = 0; i < size; ++i) {
          out.worst[i] = std::max(out.worst[i], smooth[i] * scale);
          out.mean[i] += row[i] / count;
        }
        const int64_t first = std::max<int64_t>(n - window_size_, 0);
        out.last_columns += std::accumulate(row + first, row + n, 0.0) / static_cast<double>(count);
      }
    const float floor = std::accumulate(out.worst.begin(), out.worst.end(), 0.0f) /
                        static_cast<float>(n);
    for (float& x : out.worst) x = std::max(x, floor);
    return out;
  }

  // Times the L1 norm of the value behind the output projection, mean of the group's heads, relative
  // to all heads of the layer that hold the token.
  static void weigh(const Layer& layer, std::vector<Asked>& asked) {
    const int64_t d = layer.head_dim(), group = layer.group_size();
    const at::Tensor weight = as_float(layer.get(KVH_T_OUTPUT_WEIGHT)).t();  // [n_heads * d, hidden]
    std::vector<at::Tensor> norms;                                           // [n] of each head
    std::vector<float> all(static_cast<size_t>(layer.n_seen()), 0.0f);       // by position
    for (int32_t h = 0; h < layer.n_kv_heads(); ++h) {
      layer.check_cancelled();
      const Head head = layer.head(h);
      const auto n = static_cast<int64_t>(asked[static_cast<size_t>(h)].worst.size());
      const at::Tensor values = as_float(head.values().raw()).narrow(0, 0, n);
      at::Tensor sum = at::zeros({n}, at::kFloat);
      for (int64_t g = h * group; g < (h + 1) * group; ++g)
        sum += values.matmul(weight.narrow(0, g * d, d)).abs().sum(/*dim=*/1);
      const float* norm = sum.const_data_ptr<float>();
      for (int64_t i = 0; i < n; ++i) all[static_cast<size_t>(head.position(i))] += norm[i];
      norms.push_back(std::move(sum));
    }
    for (size_t h = 0; h < asked.size(); ++h) {
      const Head head = layer.head(static_cast<int32_t>(h));
      const float* norm = norms[h].const_data_ptr<float>();
      for (size_t i = 0; i < asked[h].worst.size(); ++i) {
        const float whole = all[static_cast<size_t>(head.position(static_cast<int64_t>(i)))];
        asked[h].worst[i] *= norm[i] / std::max(whole, 1e-30f);
      }
    }
  }

  int64_t most_safe(const Layer& layer, int64_t n_before) const {
    const double cap =
        static_cast<double>(n_before) * layer.keep_ratio() - static_cast<double>(window_size_);
    return std::max<int64_t>(static_cast<int64_t>(cap + 1e-9), 0);
  }

  // The entries that hold `threshold` of a head's attention but the one that reaches it.
  static std::vector<int64_t> safe(const std::vector<float>& mean,
                                   double threshold,
                                   int64_t most) {
    std::vector<int64_t> order(mean.size());
    std::iota(order.begin(), order.end(), int64_t{0});
    const auto value = [&](int64_t i) { return mean[static_cast<size_t>(i)]; };
    std::stable_sort(
        order.begin(), order.end(), [&](int64_t a, int64_t b) { return value(a) > value(b); });
    const double whole = std::accumulate(mean.begin(), mean.end(), 0.0);
    size_t n = 0;
    double sum = 0;
    while (n < order.size()) {
      sum += whole > 0 ? value(order[n]) / whole : 0;
      if (sum >= threshold) break;
      ++n;
    }
    if (n == order.size()) n = 0;  // none reaches it
    order.resize(std::min(n, static_cast<size_t>(most)));
    return order;
  }

  void protect(int32_t h, int64_t begin, int64_t end, float score, int8_t pin, Scores& out) const {
    std::fill(out.row(h) + begin, out.row(h) + end, score);
    if (pins_) out.pin(h, begin, end, pin);
  }

  int64_t window_size_, kernel_size_;
  bool pins_;
};

}  // namespace

KVHOST_SCORER(Defensive)
