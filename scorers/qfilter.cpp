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

  explicit QueryDirections(const Args& args) : model_(*args.model()), queries_(model_) {}

  void needs(Needs& needs) const { needs.add(KVH_T_QUERY_WINDOW, 0); }

  void observe(const Layer& layer) { queries_.add(layer, /*n_sink=*/0, /*unrotated=*/false); }

  void finish(Learned& out) const {
    const int64_t group = model_.n_heads / model_.n_kv_heads, d = model_.head_dim;
    std::vector<float> filters;
    for (int32_t l = 0; l < model_.n_layers; ++l)
      for (int32_t h = 0; h < model_.n_kv_heads; ++h) {
        std::vector<double> mean(static_cast<size_t>(d), 0.0);
        for (int64_t g = 0; g < group; ++g) {
          const std::vector<double> one = direction(queries_.index(l, h * group + g));
          for (size_t c = 0; c < mean.size(); ++c) mean[c] += one[c] / static_cast<double>(group);
        }
        filters.insert(filters.end(), mean.begin(), mean.end());
      }
    out.tensor("q_filters", {model_.n_layers, model_.n_kv_heads, d}, filters);
  }

 private:
  // [d] of unit length: the eigenvector of the queries' products with the largest eigenvalue, by
  // power iteration from their sum, on the side of which it ends.
  std::vector<double> direction(size_t at) const {
    constexpr int kMost = 2000;
    constexpr double kStill = 1e-14;
    std::vector<double> now = unit(queries_.sum(at));
    for (int step = 0; step < kMost; ++step) {
      const std::vector<double> next = unit(times(at, now));
      double same = 0;
      for (size_t c = 0; c < now.size(); ++c) same += now[c] * next[c];
      now = next;
      if (same > 1 - kStill) break;
    }
    return now;
  }

  // The queries' products times a vector.
  std::vector<double> times(size_t at, const std::vector<double>& x) const {
    std::vector<double> out(x.size(), 0.0);
    for (size_t a = 0; a < x.size(); ++a)
      for (size_t b = 0; b < x.size(); ++b) out[a] += queries_.product(at, a, b) * x[b];
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
  QuerySums queries_;
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
