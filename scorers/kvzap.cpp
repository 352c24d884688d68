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

// Of entries of one layer that were generated: what they scored when their hidden states were there.
struct Known {
  template <typename Fields>
  void fields(Fields& all) {
    all(heads), all(n_before), all(begin), all(n_seen);
  }
  std::vector<std::vector<std::pair<int32_t, float>>> heads;  // [n_kv_heads] positions ascend
  std::vector<int64_t> n_before;  // [n_kv_heads] entries in front of these, the prompt's
  int64_t begin = 0;              // positions before are the prompt's
  int64_t n_seen = 0;             // tokens looked at
};

class KvZap {
 public:
  struct Sequence {
    static constexpr bool copies = true;
    template <typename Fields>
    void fields(Fields& all) {
      all(layers);
    }
    void truncate(int64_t) {}  // tokens are scored at cuts only
    std::vector<Known> layers;  // while generating
  };

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
            "threshold method beside it does that. While generating a token is scored once, at the "
            "first cut behind it; the prompt's entries stay, they were judged when it was read.")
        .param(choice("model_type", {"mlp", "linear"}).doc("The surrogate's kind"))
        .param(
            file("file").doc("The surrogate, as a path or a name inside the model's folder; none: "
                             "kvzap_mlp.safetensors or kvzap_linear.safetensors there"))
        .param(integer("window_size", 128).min(1).max(1 << 16).unit("tokens").doc(
            "While generating: hidden states that are kept until a cut, --decode-every at least"))
        .uses(KVH_T_HIDDEN)
        .decodes();
  }

  explicit KvZap(const Args& args) : window_size_(args.integer("window_size")) {
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

  void needs(Needs& needs) const {
    needs.add(KVH_T_HIDDEN, /*window=*/0).in_phase(KVH_PHASE_PREFILL);
    needs.add(KVH_T_HIDDEN, window_size_).in_phase(KVH_PHASE_DECODE);
  }

  void after_compact(Sequence& sequence, const kvh_moved& moved) const {
    const auto index = static_cast<size_t>(moved.layer);
    if (sequence.layers.size() <= index) return;
    Known& known = sequence.layers[index];
    for (size_t h = 0; h < known.heads.size() && h < static_cast<size_t>(moved.n_kv_heads); ++h) {
      std::vector<std::pair<int32_t, float>> kept;
      for (int64_t i = 0; i < moved.n_kept[h]; ++i)
        if (const int64_t old = moved.kept[h][i] - known.n_before[h]; old >= 0)
          kept.push_back(known.heads[h][static_cast<size_t>(old)]);
      known.heads[h] = std::move(kept);
    }
  }

  void score(Sequence& sequence, const Layer& layer, Scores& out) const {
    const at::Tensor hidden = as_tensor(layer.get(KVH_T_HIDDEN));  // [T, hidden_size]
    if (layer.decoding()) return score_generated(sequence, layer, hidden, out);
    constexpr int64_t chunk = 256;
    const int64_t n = hidden.size(0), first = layer.n_seen() - n;
    parallel_for(layer, (n + chunk - 1) / chunk, [&](int64_t from, int64_t to) {
      for (int64_t c = from; c < to; ++c) {
        layer.check_cancelled();
        const int64_t begin = c * chunk, rows = std::min(chunk, n - begin);
        const at::Tensor scores = predicted(layer, hidden.narrow(/*dim=*/0, begin, rows));
        for (int32_t h = 0; h < layer.n_kv_heads(); ++h) {
          hand_out(layer.head(h), first + begin, scores[h], out.row(h));
        }
      }
    });
  }

 private:
  // [n_kv_heads, n] of hidden states [n, hidden_size].
  at::Tensor predicted(const Layer& layer, const at::Tensor& hidden) const {
    const auto& stored = layers_[static_cast<size_t>(layer.index())];
    at::Tensor x = Linear(stored[0])(hidden.to(at::kFloat));
    if (stored.size() > 1) x = Linear(stored[1])(at::gelu(x));
    return x.t().contiguous();
  }

  void score_generated(Sequence& sequence,
                       const Layer& layer,
                       const at::Tensor& hidden,
                       Scores& out) const {
    const auto index = static_cast<size_t>(layer.index());
    if (sequence.layers.size() <= index) sequence.layers.resize(index + 1);
    Known& known = sequence.layers[index];
    const int64_t first = layer.n_seen() - hidden.size(0);
    if (known.heads.empty() || !follows(layer, known)) {
      const auto n_heads = static_cast<size_t>(layer.n_kv_heads());
      // Positions may have been given anew behind the prompt, or since.
      const bool counted =
          known.heads.empty() && layer.n_prompt() > 0 && layer.n_prompt() <= layer.n_seen();
      known.heads.assign(n_heads, {});
      known.n_before.assign(n_heads, 0);
      known.begin = known.n_seen = counted ? layer.n_prompt() : first;
    }
    if (first > known.n_seen)
      throw Error(KVH_E_UNSUPPORTED,
                  "",
                  std::to_string(layer.n_seen() - known.n_seen) + " tokens since the last cut and " +
                      std::to_string(hidden.size(0)) +
                      " hidden states; expected window_size of --decode-every at least");
    const int64_t from = known.n_seen;
    const at::Tensor fresh =
        predicted(layer, hidden.narrow(/*dim=*/0, from - first, layer.n_seen() - from));
    for (int32_t h = 0; h < layer.n_kv_heads(); ++h)
      score_head(layer.head(h), h, fresh[h].const_data_ptr<float>(), known, out);
    known.n_seen = layer.n_seen();
    out.set_pinned_to_max_plus_one();
  }

  // Whether the entries are those of before and later ones. They are not when they were given other
  // positions: then those before the hidden states count as the prompt's.
  static bool follows(const Layer& layer, const Known& known) {
    const auto n_heads = static_cast<size_t>(layer.n_kv_heads());
    if (known.n_seen > layer.n_seen()) return false;
    if (known.heads.size() != n_heads || known.n_before.size() != n_heads) return false;  // was in a file
    for (int32_t h = 0; h < layer.n_kv_heads(); ++h) {
      const Head head = layer.head(h);
      const auto& before = known.heads[static_cast<size_t>(h)];
      auto old = before.begin();
      const int64_t end = head.count_before(known.n_seen);
      for (int64_t i = head.count_before(known.begin); i < end; ++i) {
        while (old != before.end() && old->first < head.position(i)) ++old;
        if (old == before.end() || old->first != head.position(i)) return false;
      }
    }
    return true;
  }

  // `fresh`: of the tokens that `known` does not have yet; it has the head's entries then.
  static void score_head(
      const Head& head, int32_t h, const float* fresh, Known& known, const Scores& out) {
    std::vector<std::pair<int32_t, float>> now;
    auto& before = known.heads[static_cast<size_t>(h)];
    auto old = before.begin();
    const int64_t n_before = head.count_before(known.begin);
    std::fill_n(out.row(h), n_before, 0.0f);
    out.pin(h, 0, n_before);
    for (int64_t i = n_before; i < head.n_entries(); ++i) {
      const int32_t position = head.position(i);
      while (old != before.end() && old->first < position) ++old;
      const bool scored = position < known.n_seen;
      now.emplace_back(position, scored ? old->second : fresh[position - known.n_seen]);
      out.row(h)[i] = now.back().second;
    }
    before = std::move(now);
    known.n_before[static_cast<size_t>(h)] = n_before;
  }

  StoredLinear linear(const std::string& name, int64_t n_outputs, int64_t n_inputs) {
    return {file_->get(name + ".weight", {n_outputs, n_inputs}),
            file_->get(name + ".bias", {n_outputs})};
  }

  int64_t window_size_;
  std::unique_ptr<TensorFile> file_;
  std::vector<std::vector<StoredLinear>> layers_;
};

}  // namespace

KVHOST_SCORER(KvZap)
