// SPDX-License-Identifier: Apache-2.0
// Q-Filters: one learned direction per layer and KV head; keys that point against it are kept.
// Paper: arXiv:2503.02812. Checked against: kvpress 0.5.5 QFilterPress.
#include "support/tensor_file.hpp"

namespace {

using namespace kvhost::sdk;
using namespace kvhost::scorers;

constexpr const char* kWanted =
    "the safetensors file of a Q-filter, with q_filters [n_layers, n_kv_heads, head_dim] of this "
    "model, as huggingface.co/nthngdy publishes them (model.safetensors of <model>_qfilt)";

class QFilter {
 public:
  static Description describe() {
    return scorer("qfilter")
        .summary("Keeps the keys that point against a learned direction of their head")
        .paper("arXiv:2503.02812")
        .reference("kvpress 0.5.5 QFilterPress")
        .notes(
            "Needs a filter learned for the model: a safetensors file with q_filters [n_layers, "
            "n_kv_heads, head_dim]; kvpress fetches nthngdy/<model>_qfilt from the hub. Products "
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
