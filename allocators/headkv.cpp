// SPDX-License-Identifier: Apache-2.0
// HeadKV: every head keeps a common base and a part of a pool by how important it was found to be,
// whatever its layer. Paper: arXiv:2410.19258. Checked against: the formulas of its published code.
#include <cmath>
#include <kvhost/calibrate.hpp>
#include <utility>

#include "copied_tokens.hpp"
#include "head_scores.hpp"
#include "support/learned_path.hpp"
#include "support/tensor_file.hpp"

namespace {

using namespace kvhost::sdk;

constexpr const char* kPublished = "head_score.json";
constexpr const char* kTensors = "head_scores.safetensors";

// HeadKV measures heads while a model answers from a needle in a haystack. Texts that repeat names and phrases hold such
// needles themselves: wherever two tokens follow each other again, the second one's earlier places are what the model could
// have copied it from. The text is read, nothing is generated, so that any text will do.
class CopyingHeads {
 public:
  static Description describe() {
    return scorer("copying_heads")
        .summary("Scores heads by the attention they pay to what is about to be repeated")
        .paper("arXiv:2410.19258")
        .reads_prompt()
        .uses(KVH_T_ATTENTION);
  }

  explicit CopyingHeads(const Args& args)
      : n_layers_(args.model()->n_layers),
        n_heads_(args.model()->n_heads),
        sums_(static_cast<size_t>(n_layers_ * n_heads_), 0.0) {}

  void needs(Needs& needs) const { needs.add(KVH_T_ATTENTION); }

  void observe(const Layer& layer) {
    if (layer.index() == 0) find_copies(layer.prompt());
    const Cube attention(layer.get(KVH_T_ATTENTION));
    std::vector<float> scratch;
    for (const auto& [t, places] : copies_) {
      layer.check_cancelled();
      for (int64_t h = 0; h < n_heads_; ++h)
        sums_[static_cast<size_t>(layer.index() * n_heads_ + h)] +=
            kvhost::allocators::attention_on(places, attention.row(h, t, scratch), t + 1);
    }
  }

  void finish(Learned& out) const {
    if (n_copied_ == 0)
      throw Error(KVH_E_UNSUPPORTED,
                  "",
                  "the texts repeat no two tokens; expected longer pieces (--text-tokens) or texts that repeat "
                  "names and phrases");
    std::vector<float> means;
    for (const double sum : sums_)
      means.push_back(static_cast<float>(sum / static_cast<double>(n_copied_)));
    out.tensor("head_scores", {n_layers_, n_heads_}, means);
  }

 private:
  // The same for all layers of a text.
  void find_copies(const Prompt& prompt) {
    copies_.clear();
    for (int64_t t = 0; t + 1 < prompt.n_tokens(); ++t) {
      auto places = kvhost::allocators::copied_from(prompt.tokens(), prompt.n_tokens(), t, kDistance);
      if (!places.empty()) copies_.emplace_back(t, std::move(places));
    }
    n_copied_ += static_cast<int64_t>(copies_.size());
  }

  static constexpr int64_t kDistance = 32;
  std::vector<std::pair<int64_t, std::vector<int64_t>>> copies_;  // of this text: where, and from where
  int64_t n_layers_, n_heads_, n_copied_ = 0;
  std::vector<double> sums_;  // [n_layers * n_heads]
};

class HeadKv {
 public:
  static Description describe() {
    return layer_allocator("headkv")
        .summary("Gives every head a common base and a part of a pool by its measured importance")
        .paper("arXiv:2410.19258")
        .reference("the formulas of its published code")
        .default_inner("snapkv")
        .notes(
            "Reads the published files of head scores: for every query head a list, its mean counts. "
            "They were measured on needle tasks with reasoning. `kvhost calibrate headkv` measures any "
            "model on any texts: where two tokens follow each other again, 32 tokens apart or more, "
            "the attention to the second one's earlier places, if it is among the highest. The "
            "published code repeats KV heads for every query head and gives each its own entries; "
            "here a KV head counts as its most important query head. Of what a head keeps on average "
            "without the window, 1 / beta goes into the pool. The published rounding misses the "
            "total; here it is met.")
        .param(file("scores").doc(
            "The head scores, published ones or a .safetensors file; default: head_score.json in the "
            "model's folder, or head_scores.safetensors there"))
        .param(real("beta", 1.2).min(1.005).max(1000).doc(
            "The pool is 1 / beta of what is divided (published: 1.005 to 10)"))
        .param(real("temperature", 1).above(0).max(100).doc(
            "Power that importance is taken to before it is divided by"))
        .param(integer("window_size", 32).min(0).max(4096).unit("tokens").doc(
            "Last entries that every head keeps in any case, the scorer's"))
        .decodes();
  }

  explicit HeadKv(const Args& args)
      : beta_(args.real("beta")),
        temperature_(args.real("temperature")),
        window_size_(args.integer("window_size")) {
    if (!args.model()) return;
    const kvh_model& model = *args.model();
    const std::string path =
        kvhost::scorers::learned_path(model, args.file("scores"), kPublished, kTensors);
    importance_ = importance(model, path, read(model, path));
  }

  static const void* extension(const char* id) noexcept {
    return calibrate_extension<CopyingHeads>(id, kTensors);
  }

  void allocate(const LayerRequest& request, LayerAnswer& answer) const {
    const auto n_heads = static_cast<size_t>(request.n_kv_heads());
    const double base = std::max(request.entries_per_head() - static_cast<double>(window_size_), 0.0);
    const double each = base / beta_;
    const double pool = each * static_cast<double>(importance_.size());
    std::vector<double> shares;
    Bounds bounds;
    int64_t room = 0;
    for (size_t i = 0; i < importance_.size(); ++i) {
      shares.push_back(request.entries_per_head() - each + importance_[i] * pool);
      bounds.min.push_back(0);
      bounds.max.push_back(request.max_entries(static_cast<int32_t>(i / n_heads)) /
                           request.n_kv_heads());
      room += bounds.max.back();
    }
    answer.head_entries(apportion(shares, std::min(request.total_entries(), room), bounds));
  }

 private:
  // [n_layers * n_heads]
  static std::vector<double> read(const kvh_model& model, const std::string& path) {
    std::vector<double> out;
    if (!kvhost::scorers::is_tensor_file(path)) {
      const kvhost::allocators::HeadScores scores(path);
      for (int32_t l = 0; l < model.n_layers; ++l)
        for (int32_t h = 0; h < model.n_heads; ++h) out.push_back(scores.mean(l, h));
      return out;
    }
    kvhost::scorers::TensorFile file(
        path, "head_scores [n_layers, n_heads], 0 or more, as `kvhost calibrate headkv` writes it");
    const kvh_tensor stored = file.get("head_scores", {model.n_layers, model.n_heads});
    const Matrix scores(stored);
    std::vector<float> scratch;
    for (int64_t l = 0; l < model.n_layers; ++l) {
      const float* row = scores.row(l, scratch);
      for (int32_t h = 0; h < model.n_heads; ++h) {
        if (row[h] < 0) file.refuse("holds " + std::to_string(row[h]) + " for a head");
        out.push_back(row[h]);
      }
    }
    return out;
  }

  // [n_layers * n_kv_heads] that sum to 1: a KV head counts as its most important query head.
  std::vector<double> importance(const kvh_model& model,
                                 const std::string& path,
                                 const std::vector<double>& scores) const {
    const auto group = static_cast<std::ptrdiff_t>(model.n_heads / model.n_kv_heads);
    std::vector<double> out;
    double sum = 0;
    for (auto first = scores.begin(); first != scores.end(); first += group) {
      out.push_back(std::pow(*std::max_element(first, first + group), temperature_));
      sum += out.back();
    }
    if (!(sum > 0) || !std::isfinite(sum))
      bad_resource("/params/scores", "'" + path + "' has no head with a score above 0; expected one");
    for (double& share : out) share /= sum;
    return out;
  }

  double beta_, temperature_;
  int64_t window_size_;
  std::vector<double> importance_;  // [n_layers * n_kv_heads]
};

}  // namespace

KVHOST_LAYER_ALLOCATOR(HeadKv)
