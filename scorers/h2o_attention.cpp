// SPDX-License-Identifier: Apache-2.0
// H2O: heavy hitters by the attention they have received so far, between the first and the last
// entries. Paper: arXiv:2306.14048. Checked against: a transcription of kvcompress's rule with real
// attention.
#include <kvhost/sdk.hpp>

namespace {

using namespace kvhost::sdk;

class H2oAttention {
 public:
  // Attention received so far, per layer and KV head and entry.
  struct Sequence {
    struct OfLayer {
      int64_t n_counted = 0;  // tokens whose queries have voted
      std::vector<std::vector<float>> received;
    };
    std::vector<OfLayer> layers;
  };

  static Description describe() {
    return scorer("h2o_attention")
        .summary("Keeps first and recent entries, and in between those that received attention")
        .paper("arXiv:2306.14048")
        .reference("kvcompress h2o_attention, with the attention that it meant to use")
        .notes(
            "start_size + heavy_hitter_size + recent_size is this method's own budget; a budget "
            "given by the user wins. Every query votes once and votes follow their entries; "
            "kvcompress counts twice and forgets everything at each eviction, and as it was run "
            "had no attention at all. decay=0.9 is its default; 1 is H2O's plain sum. kvpress's "
            "observed_attention divides by how many queries saw an entry, which this does not.")
        .param(integer("start_size", 4).min(0).unit("entries").doc("First tokens that always stay"))
        .param(integer("heavy_hitter_size", 64)
                   .min(0)
                   .unit("entries")
                   .doc("Heavy hitters in the method's own budget; a given budget decides"))
        .param(integer("recent_size", 444)
                   .min(0)
                   .unit("entries")
                   .doc("Last tokens that stay before any attention counts"))
        .param(real("decay", 1.0)
                   .above(0)
                   .max(1)
                   .doc("Factor on all votes with every later query; 1 forgets nothing"))
        .param(choice("head_mode", {"shared", "per_head"})
                   .doc("Whether all KV heads keep the same heavy hitters"))
        .param(integer("window_size", 0)
                   .min(0)
                   .unit("tokens")
                   .doc("How many of the last queries vote at a time; 0: all of the prompt. While "
                        "generating, "
                        "the tokens between two evictions"))
        .uses(KVH_T_WINDOW_ATTENTION)
        .decodes();
  }

  explicit H2oAttention(const Args& args)
      : start_size_(args.integer("start_size")),
        heavy_hitter_size_(args.integer("heavy_hitter_size")),
        recent_size_(args.integer("recent_size")),
        decay_(static_cast<float>(args.real("decay"))),
        shared_(args.choice("head_mode") == "shared"),
        window_size_(args.integer("window_size")) {}

  int64_t own_budget() const { return start_size_ + heavy_hitter_size_ + recent_size_; }

  void needs(Needs& needs) const { needs.window_attention(window_size_); }

  void score(Sequence& sequence, const Layer& layer, Scores& out) const {
    const auto index = static_cast<size_t>(layer.index());
    if (sequence.layers.size() <= index) sequence.layers.resize(index + 1);
    Sequence::OfLayer& state = sequence.layers[index];
    state.received.resize(static_cast<size_t>(layer.n_kv_heads()));
    for_each_head(layer, [&](int32_t h) {
      vote(layer, layer.head(h), state.n_counted, state.received[static_cast<size_t>(h)]);
    });
    state.n_counted = layer.n_seen();
    shared_ ? score_together(layer, state, out) : score_apart(state, out);
    for (int32_t h = 0; h < layer.n_kv_heads(); ++h) {
      const Head head = layer.head(h);
      out.pin(h, head.count_before(layer.n_seen() - recent_size_), head.n_entries(), /*value=*/1);
      out.pin(h, 0, head.count_before(start_size_), /*value=*/2);
    }
  }

  void after_compact(Sequence& sequence, const kvh_moved& moved) const {
    const auto index = static_cast<size_t>(moved.layer);
    if (sequence.layers.size() <= index) return;
    auto& received = sequence.layers[index].received;
    for (size_t h = 0; h < received.size(); ++h) {
      std::vector<float> kept;
      for (int64_t i = 0; i < moved.n_kept[h]; ++i) {
        const auto old = static_cast<size_t>(moved.kept[h][i]);
        kept.push_back(old < received[h].size() ? received[h][old] : 0.0f);
      }
      received[h] = std::move(kept);
    }
  }

 private:
  // Adds the rows of the queries that have not voted yet.
  void vote(const Layer& layer,
            const Head& head,
            int64_t n_counted,
            std::vector<float>& received) const {
    const Cube attention = head.window_attention();  // [group_size, W, n]
    const int64_t rows = attention.rows(), first = layer.n_seen() - rows;
    received.resize(static_cast<size_t>(head.n_entries()));
    std::vector<float> scratch;
    for (int64_t w = std::max<int64_t>(0, n_counted - first); w < rows; ++w) {
      if (decay_ != 1) {
        for (float& r : received) r *= decay_;
      }
      for (int64_t g = 0; g < attention.slices(); ++g) {
        const float* row = attention.row(g, w, scratch);
        for (size_t i = 0; i < received.size(); ++i) received[i] += row[i];
      }
    }
  }

  static void score_apart(const Sequence::OfLayer& state, Scores& out) {
    for (int32_t h = 0; h < out.n_kv_heads(); ++h) {
      const auto& received = state.received[static_cast<size_t>(h)];
      std::copy(received.begin(), received.end(), out.row(h));
    }
  }

  // A token's score is the sum over the heads that hold it.
  static void score_together(const Layer& layer, const Sequence::OfLayer& state, Scores& out) {
    std::vector<float> sums(static_cast<size_t>(layer.n_seen()));  // by position
    for (int32_t h = 0; h < layer.n_kv_heads(); ++h) {
      const Head head = layer.head(h);
      const auto& received = state.received[static_cast<size_t>(h)];
      for (int64_t i = 0; i < head.n_entries(); ++i) {
        sums[static_cast<size_t>(head.position(i))] += received[static_cast<size_t>(i)];
      }
    }
    for (int32_t h = 0; h < layer.n_kv_heads(); ++h) {
      const Head head = layer.head(h);
      for (int64_t i = 0; i < head.n_entries(); ++i) {
        out.row(h)[i] = sums[static_cast<size_t>(head.position(i))];
      }
    }
  }

  int64_t start_size_, heavy_hitter_size_, recent_size_;
  float decay_;
  bool shared_;
  int64_t window_size_;
};

}  // namespace

KVHOST_SCORER(H2oAttention)
