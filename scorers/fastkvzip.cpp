// SPDX-License-Identifier: Apache-2.0
// Fast KVzip: a small learned gate per layer tells from a token's hidden state how much of KVzip's
// attention it would get. Paper: arXiv:2601.17668. Checked against: kvpress 0.5.5 FastKVzipPress.
#include <cmath>
#include <kvhost/torch.hpp>

#include "support/by_position.hpp"
#include "support/tensor_file.hpp"

namespace {

using namespace kvhost::sdk;
using namespace kvhost::scorers;

constexpr const char* kWanted =
    "a safetensors file of gates for this model: for every layer i layers.i.q_proj.weight "
    "[n_heads * o, hidden_size], .q_proj.bias, .k_proj.weight [n_kv_heads * o, hidden_size], "
    ".q_norm.weight [o], .k_norm.weight [o], .k_base [n_kv_heads, 1, s, o] and .b [n_kv_heads, 1, "
    "group_size], which scripts/fastkvzip_gates.py makes of the published .pt file";

struct Gate {  // float32
  at::Tensor query, query_bias,
      key;  // [hidden_size, n_heads * o], [n_heads * o], [hidden_size, n_kv_heads * o]
  at::Tensor query_norm, key_norm;  // [o]
  at::Tensor base;                  // [n_kv_heads, s, o]
  at::Tensor bias;                  // [n_kv_heads, group_size]
};

at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight) {
  constexpr double eps = 1e-6;
  return x * at::rsqrt(x.pow(2).mean(/*dim=*/-1, /*keepdim=*/true) + eps) * weight;
}

class FastKvZip {
 public:
  static Description describe() {
    return scorer("fastkvzip")
        .summary("KVzip's attention as a learned gate predicts it from hidden states")
        .paper("arXiv:2601.17668")
        .reference("kvpress 0.5.5 FastKVzipPress")
        .notes(
            "Needs gates learned for the model (scripts/fastkvzip_gates.py converts the published "
            "ones, huggingface.co/Jang-Hyun/Fast-KVzip). kvpress ranks all layers and heads "
            "together: joint:fastkvzip, which --press fastkvzip stands for; its layerwise=true is "
            "adakv(alpha_safeguard=0):fastkvzip. Sinks and the window are pinned, in kvpress they "
            "score 1.")
        .param(integer("n_sink", 4).min(0).unit("tokens").doc("First tokens that stay"))
        .param(integer("window_size", 4096)
                   .min(0)
                   .unit("tokens")
                   .doc("Last tokens that stay, of 32000 tokens and more"))
        .param(real("window_ratio", 0.02)
                   .min(0)
                   .max(1)
                   .doc("Share of last tokens that stay, of fewer; at least one"))
        .param(file("file").doc("The gates, as a path or a name inside the model's folder; none: "
                                "fastkvzip.safetensors there"))
        .uses(KVH_T_HIDDEN);
  }

  explicit FastKvZip(const Args& args)
      : n_sink_(args.integer("n_sink")),
        window_(args.integer("window_size")),
        window_ratio_(args.real("window_ratio")) {
    if (!args.model()) return;  // described, not run
    const kvh_model& model = *args.model();
    TensorFile file(resource_path(model, args.file("file"), "fastkvzip.safetensors"), kWanted);
    for (int32_t i = 0; i < model.n_layers; ++i) gates_.push_back(read(file, model, i));
  }

  void needs(Needs& needs) const { needs.add(KVH_T_HIDDEN, /*window=*/0); }

  void score(const Layer& layer, Scores& out) const {
    const at::Tensor hidden = as_tensor(layer.get(KVH_T_HIDDEN));  // [T, hidden_size]
    const Gate& gate = gates_[static_cast<size_t>(layer.index())];
    const int64_t n = hidden.size(0), first_position = layer.n_seen() - n;
    for (int64_t begin = 0; begin < n; begin += kChunk) {
      layer.check_cancelled();
      const int64_t rows = std::min(kChunk, n - begin);
      const at::Tensor scores = judge(gate, hidden.narrow(/*dim=*/0, begin, rows).to(at::kFloat));
      for (int32_t h = 0; h < layer.n_kv_heads(); ++h)
        hand_out(layer.head(h), first_position + begin, scores[h], out.row(h));
    }
    const int64_t seen = layer.n_seen();
    const int64_t window =
        seen < 32000
            ? std::max<int64_t>(1, static_cast<int64_t>(static_cast<double>(seen) * window_ratio_))
            : window_;
    for (int32_t h = 0; h < layer.n_kv_heads(); ++h) {
      out.pin(h, 0, layer.head(h).count_before(n_sink_));
      out.pin(h, layer.head(h).count_before(seen - window), out.n_entries(h));
    }
  }

 private:
  static constexpr int64_t kChunk = 256;  // tokens at a time

  static Gate read(TensorFile& file, const kvh_model& model, int32_t index) {
    const std::string layer = "layers." + std::to_string(index);
    const int64_t width = file.rows(layer + ".q_norm.weight"), hidden = model.hidden_size;
    const int64_t heads = model.n_heads, kv_heads = model.n_kv_heads;
    const int64_t n_base = file.dims(layer + ".k_base", 4)[2];
    const auto tensor = [&](const char* name, const TensorFile::Shape& shape) {
      return as_float(file.get(layer + name, shape)).clone();
    };
    Gate gate;
    gate.query = tensor(".q_proj.weight", {heads * width, hidden}).t();
    gate.query_bias = tensor(".q_proj.bias", {heads * width});
    gate.key = tensor(".k_proj.weight", {kv_heads * width, hidden}).t();
    gate.query_norm = tensor(".q_norm.weight", {width});
    gate.key_norm = tensor(".k_norm.weight", {width});
    gate.base = tensor(".k_base", {kv_heads, 1, n_base, width}).squeeze(/*dim=*/1);
    gate.bias = tensor(".b", {kv_heads, 1, heads / kv_heads}).squeeze(/*dim=*/1);
    return gate;
  }

  // hidden: [n, hidden_size] -> [n_kv_heads, n]
  static at::Tensor judge(const Gate& gate, const at::Tensor& hidden) {
    const int64_t n = hidden.size(0), heads = gate.base.size(0), width = gate.base.size(2);
    const double scale = 1 / std::sqrt(static_cast<double>(width));
    const at::Tensor queries =  // -> [n_kv_heads, n, group_size, o]
        rms_norm(at::addmm(gate.query_bias, hidden, gate.query).view({n, heads, -1, width}),
                 gate.query_norm)
            .transpose(0, 1);
    const at::Tensor keys =  // -> [n_kv_heads, n, 1, o]
        rms_norm(at::mm(hidden, gate.key).view({n, heads, 1, width}), gate.key_norm)
            .transpose(0, 1);
    // [n_kv_heads, n, group_size]
    const at::Tensor own = (queries * keys).sum(/*dim=*/-1) * scale + gate.bias.unsqueeze(1);
    // [n_kv_heads, n, group_size, s]
    const at::Tensor base = at::matmul(queries, gate.base.unsqueeze(1).transpose(-1, -2)) * scale;
    const at::Tensor others = (base - own.unsqueeze(-1)).exp().sum(/*dim=*/-1);
    return (1 / (1 + others)).mean(/*dim=*/-1).contiguous();
  }

  int64_t n_sink_, window_;
  double window_ratio_;
  std::vector<Gate> gates_;
};

}  // namespace

KVHOST_SCORER(FastKvZip)
