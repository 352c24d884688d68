// SPDX-License-Identifier: Apache-2.0
// Q-Filters: one learned direction per layer and KV head; keys that point against it are kept.
// Paper: arXiv:2503.02812. Checked against: kvpress 0.5.5 QFilterPress.
#include "support/query_observer.hpp"
#include "support/tensor_file.hpp"

namespace {

using namespace kvhost::sdk;
using namespace kvhost::scorers;

constexpr const char* kWanted =
    "the safetensors file of a Q-filter, with q_filters [n_layers, n_kv_heads, head_dim] of this "
    "model, as huggingface.co/nthngdy publishes them (model.safetensors of <model>_qfilt)";

// The direction along which a head's queries lie: the first right singular vector of all of them,
// towards where most point, mean over the group.
class QueryDirections {
 public:
  static Description describe() {
    return scorer("qfilter_directions")
        .summary("Collects the directions of queries")
        .paper("arXiv:2503.02812")
        .uses(KVH_T_QUERY_WINDOW);
  }

  explicit QueryDirections(const Args& args) : model_(*args.model()) {
    const auto n = static_cast<size_t>(model_.n_layers) * static_cast<size_t>(model_.n_heads);
    const auto d = static_cast<size_t>(model_.head_dim);
    products_.assign(n, std::vector<double>(d * d, 0.0));
    sums_.assign(n, std::vector<double>(d, 0.0));
  }

  void needs(Needs& needs) const { needs.add(KVH_T_QUERY_WINDOW, 0); }

  void observe(const Layer& layer) {
    const auto d = static_cast<size_t>(model_.head_dim);
    for_each_query(layer, /*n_sink=*/0, /*unrotated=*/false, [&](int64_t j, const float* query) {
      const size_t at = index(layer.index(), j);
      for (size_t a = 0; a < d; ++a) {
        sums_[at][a] += query[a];
        for (size_t b = a; b < d; ++b)
          products_[at][a * d + b] += static_cast<double>(query[a]) * query[b];
      }
    });
  }

  void finish(Learned& out) const {
    const int64_t group = model_.n_heads / model_.n_kv_heads, d = model_.head_dim;
    std::vector<float> filters;
    for (int32_t l = 0; l < model_.n_layers; ++l)
      for (int32_t h = 0; h < model_.n_kv_heads; ++h) {
        std::vector<double> mean(static_cast<size_t>(d), 0.0);
        for (int64_t g = 0; g < group; ++g) {
          const std::vector<double> one = direction(index(l, h * group + g));
          for (size_t c = 0; c < mean.size(); ++c) mean[c] += one[c] / static_cast<double>(group);
        }
        filters.insert(filters.end(), mean.begin(), mean.end());
      }
    out.tensor("q_filters", {model_.n_layers, model_.n_kv_heads, d}, filters);
  }

 private:
  size_t index(int64_t layer, int64_t j) const {
    return static_cast<size_t>(layer * model_.n_heads + j);
  }

  // [d] of unit length: the eigenvector of the queries' products with the largest eigenvalue, by
  // power iteration from their sum, on the side of which it ends.
  std::vector<double> direction(size_t at) const {
    constexpr int kMost = 2000;
    constexpr double kStill = 1e-14;
    std::vector<double> now = unit(sums_[at]);
    for (int step = 0; step < kMost; ++step) {
      const std::vector<double> next = unit(times(products_[at], now));
      double same = 0;
      for (size_t c = 0; c < now.size(); ++c) same += now[c] * next[c];
      now = next;
      if (same > 1 - kStill) break;
    }
    return now;
  }

  // A symmetric matrix of which the upper half is held, times a vector.
  static std::vector<double> times(const std::vector<double>& upper, const std::vector<double>& x) {
    const size_t d = x.size();
    std::vector<double> out(d, 0.0);
    for (size_t a = 0; a < d; ++a)
      for (size_t b = 0; b < d; ++b) out[a] += upper[std::min(a, b) * d + std::max(a, b)] * x[b];
    return out;
  }

  static std::vector<double> unit(std::vector<double> x) {
    double square = 0;
    for (const double value : x) square += value * value;
    if (!(square > 0))
      throw Error(KVH_E_CONFIG, "", "saw queries that are all zero; expected a model's own");
    for (double& value : x) value /= std::sqrt(square);
    return x;
  }

  kvh_model model_;  // its numbers
  std::vector<std::vector<double>> products_, sums_;  // by layer and query head: [d * d], [d]
};

class QFilter {
 public:
  static Description describe() {
    return scorer("qfilter")
        .summary("Keeps the keys that point against a learned direction of their head")
        .paper("arXiv:2503.02812")
        .reference("kvpress 0.5.5 QFilterPress")
        .notes(
            "Needs a filter learned for the model (`kvhost calibrate qfilter` makes one): a "
            "safetensors file with q_filters [n_layers, n_kv_heads, head_dim]; kvpress fetches "
            "nthngdy/<model>_qfilt from the hub. Products "
            "are summed in float64, in kvpress in the model's dtype. Nothing is protected.")
        .param(file("file").doc("The filter, as a path or a name inside the model's folder; none: "
                                "q_filters.safetensors there"))
        .decodes();
  }

  explicit QFilter(const Args& args) {
    if (!args.model()) return;  // described, not run
    const kvh_model& model = *args.model();
    file_ = std::make_unique<TensorFile>(
        resource_path(model, args.file("file"), "q_filters.safetensors"), kWanted);
    filters_ = file_->get("q_filters", {model.n_layers, model.n_kv_heads, model.head_dim});
  }

  static const void* extension(const char* id) noexcept {
    return calibrate_extension<QueryDirections>(id, "q_filters.safetensors");
  }

  void score(const Layer& layer, Scores& out) const {
    const Cube filters(filters_);
    for_each_head(layer, [&](int32_t h) {
      const Matrix keys = layer.head(h).keys();  // [n, d]
      std::vector<float> filter_scratch, scratch;
      const float* filter = filters.row(layer.index(), h, filter_scratch);
      for (int64_t i = 0; i < keys.rows(); ++i) {
        const float* key = keys.row(i, scratch);
        out.row(h)[i] = static_cast<float>(-inner_product(filter, key, keys.cols()));
      }
    });
  }

 private:
  std::unique_ptr<TensorFile> file_;
  kvh_tensor filters_{};  // [n_layers, n_kv_heads, d], in the file
};

}  // namespace

KVHOST_SCORER(QFilter)
