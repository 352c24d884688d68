// SPDX-License-Identifier: Apache-2.0
// DuoAttention: retrieval heads keep everything, streaming heads only the first and the most recent
// tokens. Which head is which was learned, or is guessed from the prompt. Paper: arXiv:2410.10819.
// Checked against: kvpress 0.5.5 DuoAttentionPress.
#include <kvhost/calibrate.hpp>
#include <sstream>

#include "streaming_scores.hpp"
#include "support/learned_path.hpp"
#include "support/tensor_file.hpp"

namespace {

using namespace kvhost::sdk;

constexpr const char* kTable = "full_attention_heads.tsv";
constexpr const char* kTensors = "full_attention_heads.safetensors";

// The scores of on_the_fly_scoring, averaged over texts.
class StreamingHeads {
 public:
  static Description describe() {
    return scorer("streaming_heads")
        .summary("Scores heads by mean queries and keys")
        .paper("arXiv:2410.10819")
        .param(integer("scoring_length", 500).min(2).max(65536).unit("tokens").doc(
            "Positions at which the mean key is looked at"))
        .uses(KVH_T_QUERY_WINDOW);
  }

  explicit StreamingHeads(const Args& args)
      : length_(args.integer("scoring_length")),
        n_layers_(args.model()->n_layers),
        n_kv_heads_(args.model()->n_kv_heads),
        sums_(static_cast<size_t>(n_layers_ * n_kv_heads_), 0.0) {}

  void needs(Needs& needs) const { needs.add(KVH_T_QUERY_WINDOW, /*window=*/0); }

  void observe(const Layer& layer) {
    const std::vector<double> scores = kvhost::allocators::streaming_scores(layer, length_);
    for (size_t h = 0; h < scores.size(); ++h)
      sums_[static_cast<size_t>(layer.index() * n_kv_heads_) + h] += scores[h];
    n_texts_ += layer.index() == 0 ? 1 : 0;
  }

  void finish(Learned& out) const {
    std::vector<float> means;
    for (const double sum : sums_)
      means.push_back(static_cast<float>(sum / static_cast<double>(n_texts_)));
    out.tensor("full_attention_heads", {n_layers_, n_kv_heads_}, means);
  }

 private:
  int64_t length_, n_layers_, n_kv_heads_, n_texts_ = 0;
  std::vector<double> sums_;  // [n_layers * n_kv_heads]
};

class DuoAttention {
 public:
  static Description describe() {
    return head_allocator("duo_attention")
        .summary("Streaming heads keep the first and the most recent tokens, the others everything")
        .paper("arXiv:2410.10819")
        .reference("kvpress 0.5.5 DuoAttentionPress")
        .notes(
            "The pattern is the paper's full_attention_heads.tsv (github.com/mit-han-lab/"
            "duo-attention, attn_patterns/): one line per layer, one number in [0, 1] per KV head; "
            "sink_size and recent_size are in the config.json beside it. Of equal numbers the "
            "earlier head streams first (kvpress leaves that open). kvpress masks and keeps the "
            "bytes; here they are freed. on_the_fly_scoring is kvpress's, by the mean query and "
            "the mean key of a text: there of 50 chapters of BookSum, here of the prompt itself, "
            "so that nothing is downloaded and the pattern fits the text. `kvhost calibrate "
            "duo_attention` averages that over texts of one's own, as full_attention_heads."
            "safetensors.")
        .param(file("pattern").doc(
            "Table of head scores, a line per layer, or a .safetensors file of them; default: "
            "full_attention_heads.tsv in the model's folder, or .safetensors there"))
        .param(boolean("on_the_fly_scoring", false)
                   .doc("Read no table: score the heads by this prompt's mean queries and keys"))
        .param(integer("scoring_length", 500)
                   .min(2)
                   .max(65536)  // each costs a product with every head's mean query
                   .unit("tokens")
                   .doc("on_the_fly_scoring: positions at which the mean key is looked at"))
        .param(real("head_compression_ratio", 0.5)
                   .min(0)
                   .max(1)
                   .doc("Share of all heads that stream: those with the smallest scores"))
        .param(integer("sink_size", 128).min(0).unit("tokens").doc("First tokens that stay"))
        .param(integer("recent_size", 256).min(1).unit("tokens").doc("Last tokens that stay"))
        .own_total()
        .edits_scores()
        .needs_no_scorer()
        .decides_late()
        .uses(KVH_T_QUERY_WINDOW, KVH_NEED_OPTIONAL)
        .decodes();
  }

  explicit DuoAttention(const Args& args)
      : sink_size_(args.integer("sink_size")),
        recent_size_(args.integer("recent_size")),
        on_the_fly_(args.flag("on_the_fly_scoring")),
        length_(args.integer("scoring_length")),
        ratio_(args.real("head_compression_ratio")) {
    if (!args.model()) return;
    n_kv_heads_ = args.model()->n_kv_heads;
    if (on_the_fly_) return;
    streams_ = smallest(read_scores(args), ratio_);
  }

  static const void* extension(const char* id) noexcept {
    return calibrate_extension<StreamingHeads>(id, kTensors);
  }

  // Of one prompt: what on_the_fly_scoring has found out.
  struct Sequence {
    std::vector<double> scores;  // of the layers seen so far, [n_layers * n_kv_heads]
    std::vector<char> streams;   // likewise, once all were seen
  };

  uint32_t when() const { return on_the_fly_ ? KVH_WHEN_AFTER_PREFILL : KVH_WHEN_BEFORE_PREFILL; }

  // Optional, because queries are there while a layer is observed and gone when all were.
  void needs(Needs& needs) const {
    if (on_the_fly_) needs.add(KVH_T_QUERY_WINDOW, /*window=*/0, KVH_NEED_OPTIONAL);
  }

  void observe(Sequence& sequence, const Layer& layer) const {
    const auto scores = kvhost::allocators::streaming_scores(layer, length_);
    sequence.scores.insert(sequence.scores.end(), scores.begin(), scores.end());
  }

  std::vector<int64_t> allocate(Sequence& sequence,
                                const Layer& layer,
                                const Scores& scores) const {
    if (on_the_fly_ && sequence.streams.empty())
      sequence.streams = smallest(sequence.scores, ratio_);
    const std::vector<char>& streams = on_the_fly_ ? sequence.streams : streams_;
    std::vector<int64_t> counts;
    for (int32_t h = 0; h < layer.n_kv_heads(); ++h) {
      const Head head = layer.head(h);
      const int64_t n = head.n_entries();
      if (!streams[static_cast<size_t>(layer.index() * n_kv_heads_ + h)]) {
        counts.push_back(n);
        continue;
      }
      const int64_t sinks = head.count_before(sink_size_);
      const int64_t recent = std::max(sinks, head.count_before(layer.n_seen() - recent_size_));
      scores.pin(h, 0, sinks);
      scores.pin(h, recent, n);
      counts.push_back(sinks + n - recent);
    }
    return counts;
  }

 private:
  // The table, or where there is none the tensors. -> [n_layers * n_kv_heads]
  static std::vector<double> read_scores(const Args& args) {
    const kvh_model& model = *args.model();
    const std::string path =
        kvhost::scorers::learned_path(model, args.file("pattern"), kTable, kTensors);
    return kvhost::scorers::is_tensor_file(path)
               ? read_tensors(path, model)
               : read_pattern(path, model.n_layers, model.n_kv_heads);
  }

  static std::vector<double> read_tensors(const std::string& path, const kvh_model& model) {
    kvhost::scorers::TensorFile file(path,
                                     "full_attention_heads [n_layers, n_kv_heads], as `kvhost "
                                     "calibrate duo_attention` writes it");
    const kvh_tensor stored =
        file.get("full_attention_heads", {model.n_layers, model.n_kv_heads});
    const Matrix scores(stored);
    std::vector<double> out;
    std::vector<float> scratch;
    for (int64_t l = 0; l < model.n_layers; ++l) {
      const float* row = scores.row(l, scratch);
      for (int32_t h = 0; h < model.n_kv_heads; ++h) out.push_back(std::clamp(row[h], 0.0f, 1.0f));
    }
    return out;
  }

  // -> [n_layers * n_kv_heads]
  static std::vector<double> read_pattern(const std::string& path,
                                          int32_t n_layers,
                                          int32_t n_kv_heads) {
    constexpr int64_t kMost = 16 << 20;  // a number for each head
    std::istringstream in(read_resource(path,
                                        kMost,
                                        "/params/pattern",
                                        "a table with a line per layer and a number per KV head, "
                                        "or on_the_fly_scoring=true"));
    std::vector<double> scores;
    std::string line;
    int32_t n_lines = 0;
    while (std::getline(in, line)) {
      if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
      std::istringstream numbers(line);
      const size_t before = scores.size();
      for (double value; numbers >> value;) scores.push_back(std::clamp(value, 0.0, 1.0));
      const size_t found = scores.size() - before;
      if (!numbers.eof() || found != static_cast<size_t>(n_kv_heads))
        throw Error(KVH_E_RESOURCE,
                    "/params/pattern",
                    "line " + std::to_string(n_lines + 1) + " of '" + path + "' holds " +
                        std::to_string(found) + " numbers; expected " + std::to_string(n_kv_heads) +
                        ", one per KV head");
      ++n_lines;
    }
    if (n_lines != n_layers)
      throw Error(KVH_E_RESOURCE,
                  "/params/pattern",
                  "'" + path + "' has " + std::to_string(n_lines) + " lines; expected " +
                      std::to_string(n_layers) + ", one per layer");
    return scores;
  }

  static std::vector<char> smallest(const std::vector<double>& scores, double ratio) {
    std::vector<size_t> order(scores.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(
        order.begin(), order.end(), [&](size_t a, size_t b) { return scores[a] < scores[b]; });
    const auto n = static_cast<size_t>(std::nearbyint(static_cast<double>(scores.size()) * ratio));
    std::vector<char> streams(scores.size(), 0);
    for (size_t i = 0; i < n; ++i) streams[order[i]] = 1;
    return streams;
  }

  int64_t sink_size_, recent_size_;
  bool on_the_fly_;
  int64_t length_;
  double ratio_;
  int32_t n_kv_heads_ = 0;
  std::vector<char> streams_;  // [n_layers * n_kv_heads]
};

}  // namespace

KVHOST_HEAD_ALLOCATOR(DuoAttention)
