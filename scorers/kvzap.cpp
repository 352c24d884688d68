// SPDX-License-Identifier: Apache-2.0
// KVzap: a small learned model predicts from a token's hidden state what KVzip would score it.
// Paper: arXiv:2601.07891. Checked against: kvpress 0.5.5 KVzapPress.
#include <kvhost/surrogate.h>
#include <kvhost/torch.hpp>

#include "support/by_position.hpp"
#include "support/tensor_file.hpp"

namespace {

using namespace kvhost::sdk;
using namespace kvhost::scorers;

constexpr const char* kWanted =
    "the safetensors file of a KVzap surrogate for this model: for every layer i "
    "layers.i.weight [n_kv_heads, hidden_size] and layers.i.bias (linear), or layers.i.0.weight "
    "[m, hidden_size], layers.i.0.bias, layers.i.2.weight [n_kv_heads, m], layers.i.2.bias (mlp), "
    "as huggingface.co/nvidia publishes them (KVzap-<type>-<model>)";

struct StoredLinear {  // borrowed from the file
  kvh_tensor weight, bias;
};

// y = x W^T + b in float32.
struct Linear {
  explicit Linear(const StoredLinear& stored)
      : weight(as_float(stored.weight).t()), bias(as_float(stored.bias)) {}
  at::Tensor operator()(const at::Tensor& x) const { return at::addmm(bias, x, weight); }

  at::Tensor weight, bias;  // [n_inputs, n_outputs], [n_outputs]
};

class KvZap {
 public:
  static Description describe() {
    return scorer("kvzap")
        .summary("KVzip's scores as a small learned model predicts them from hidden states")
        .paper("arXiv:2601.07891")
        .reference("kvpress 0.5.5 KVzapPress")
        .notes(
            "Needs a surrogate learned for the model (`kvhost train kvzap` makes one), a "
            "safetensors file: linear has "
            "layers.i.weight and layers.i.bias for every layer i, mlp has layers.i.0 and "
            "layers.i.2 with a GELU between; kvpress fetches nvidia/KVzap-<type>-<model> from the "
            "hub. Computed in float32, in kvpress in the model's dtype. Nothing is protected; a "
            "threshold method beside it does that.")
        .param(choice("model_type", {"mlp", "linear"}).doc("The surrogate's kind"))
        .param(
            file("file").doc("The surrogate, as a path or a name inside the model's folder; none: "
                             "kvzap_mlp.safetensors or kvzap_linear.safetensors there"))
        .uses(KVH_T_HIDDEN);
  }

  explicit KvZap(const Args& args) {
    if (!args.model()) return;  // described, not run
    const kvh_model& model = *args.model();
    const std::string type = args.choice("model_type");
    const std::string name = "kvzap_" + type + ".safetensors";
    file_ = std::make_unique<TensorFile>(resource_path(model, args.file("file"), name), kWanted);
    for (int32_t i = 0; i < model.n_layers; ++i) {
      const std::string layer = "layers." + std::to_string(i);
      if (type == "linear") {
        layers_.push_back({linear(layer, model.n_kv_heads, model.hidden_size)});
      } else {
        const int64_t middle = file_->rows(layer + ".0.weight");
        layers_.push_back({linear(layer + ".0", middle, model.hidden_size),
                           linear(layer + ".2", model.n_kv_heads, middle)});
      }
    }
  }

  static const void* extension(const char* id) noexcept {
    static constexpr kvh_surrogate learned{sizeof(kvh_surrogate),
                                           0,
                                           "kvzip(kvzip_plus_normalization=true)",
                                           "kvzap_linear.safetensors",
                                           "kvzap_mlp.safetensors"};
    return std::strcmp(id, KVH_EXT_SURROGATE) == 0 ? &learned : nullptr;
  }

  void needs(Needs& needs) const { needs.add(KVH_T_HIDDEN, /*window=*/0); }

  void score(const Layer& layer, Scores& out) const {
    const at::Tensor hidden = as_tensor(layer.get(KVH_T_HIDDEN));  // [T, hidden_size]
    const auto& stored = layers_[static_cast<size_t>(layer.index())];
    const std::vector<Linear> parts(stored.begin(), stored.end());
    constexpr int64_t chunk = 256;
    const int64_t n = hidden.size(0), first = layer.n_seen() - n;
    parallel_for(layer, (n + chunk - 1) / chunk, [&](int64_t from, int64_t to) {
      for (int64_t c = from; c < to; ++c) {
        layer.check_cancelled();
        const int64_t begin = c * chunk, rows = std::min(chunk, n - begin);
        at::Tensor x = parts[0](hidden.narrow(/*dim=*/0, begin, rows).to(at::kFloat));
        if (parts.size() > 1) x = parts[1](at::gelu(x));
        const at::Tensor scores = x.t().contiguous();  // -> [n_kv_heads, rows]
        for (int32_t h = 0; h < layer.n_kv_heads(); ++h) {
          hand_out(layer.head(h), first + begin, scores[h], out.row(h));
        }
      }
    });
  }

 private:
  StoredLinear linear(const std::string& name, int64_t n_outputs, int64_t n_inputs) {
    return {file_->get(name + ".weight", {n_outputs, n_inputs}),
            file_->get(name + ".bias", {n_outputs})};
  }

  std::unique_ptr<TensorFile> file_;
  std::vector<std::vector<StoredLinear>> layers_;
};

}  // namespace

KVHOST_SCORER(KvZap)
