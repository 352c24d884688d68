// SPDX-License-Identifier: Apache-2.0
// H2O: heavy hitters by the attention they have received so far, between the first and the last
// entries. Paper: arXiv:2306.14048. Checked against: a transcription of kvcompress's rule with real
// attention.
#include <kvhost/sdk.hpp>

namespace {

using namespace kvhost::sdk;

class H2oAttention {
 public:
  // Attention received so far, by layer and KV head.
  struct Received {
    template <typename Fields>
    void fields(Fields& all) {
      all(n_counted), all(positions), all(votes);
    }
    int64_t n_counted = 0;  // tokens whose queries have voted
    std::vector<int32_t> positions;
    std::vector<float> votes;  // beside positions
  };
  struct Sequence {
    static constexpr bool copies = true;
    template <typename Fields>
    void fields(Fields& all) {
      all(layers);
    }
    void truncate(int64_t) {}  // nothing is counted between two cuts
    std::vector<std::vector<Received>> layers;
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
                        "generating, the tokens between two evictions"))
        .uses(KVH_T_WINDOW_ATTENTION)
        .uses(KVH_T_ATTENTION_SUM)
        .decodes();
  }

  explicit H2oAttention(const Args& args)
      : start_size_(args.integer("start_size")),
        heavy_hitter_size_(args.integer("heavy_hitter_size")),
        recent_size_(args.integer("recent_size")),
        decay_(static_cast<float>(args.real("decay"))),
        shared_(args.choice("head_mode") == "shared"),
        window_size_(args.integer("window_size")) {}

  int64_t own_budget(int64_t /*n_tokens*/) const {
    return start_size_ + heavy_hitter_size_ + recent_size_;
  }

  void needs(Needs& needs) const {
    if (sums_only()) {
      needs.add(KVH_T_ATTENTION_SUM);
    } else {
      needs.window_attention(window_size_);
    }
  }

  void score(Sequence& sequence, const Layer& layer, Scores& out) const {
    const auto index = static_cast<size_t>(layer.index());
    if (sequence.layers.size() <= index) sequence.layers.resize(index + 1);
    std::vector<Received>& heads = sequence.layers[index];
    heads.resize(static_cast<size_t>(layer.n_kv_heads()));
    for_each_head(layer, [&](int32_t h) {
      const Head head = layer.head(h);
      Received& received = heads[static_cast<size_t>(h)];
      follow(head, received);
      sums_only() ? add_sums(layer, head, received) : add_rows(layer, head, received);
      std::copy(received.votes.begin(), received.votes.end(), out.row(h));
    });
    if (shared_) share(layer, out);
    for (int32_t h = 0; h < layer.n_kv_heads(); ++h) {
      const Head head = layer.head(h);
      out.pin(h, head.count_before(layer.n_seen() - recent_size_), head.n_entries(), /*value=*/1);
      out.pin(h, 0, head.count_before(start_size_), /*value=*/2);
    }
  }

  void after_compact(Sequence& sequence, const kvh_moved& moved) const {
    const auto index = static_cast<size_t>(moved.layer);
    if (sequence.layers.size() <= index) return;
    std::vector<Received>& heads = sequence.layers[index];
    for (size_t h = 0; h < heads.size() && h < static_cast<size_t>(moved.n_kv_heads); ++h) {
      Received kept;
      kept.n_counted = heads[h].n_counted;
      for (int64_t i = 0; i < moved.n_kept[h]; ++i) {
        const auto old = static_cast<size_t>(moved.kept[h][i]);
        if (old >= heads[h].votes.size() || old >= heads[h].positions.size()) break;  // later entries have no votes yet
        kept.positions.push_back(heads[h].positions[old]);
        kept.votes.push_back(heads[h].votes[old]);
      }
      heads[h] = std::move(kept);
    }
  }

 private:
  // Every row of the prompt counts alike: the host can sum them without storing them.
  bool sums_only() const { return window_size_ == 0 && decay_ == 1; }

  // New entries come last, without votes. Other entries than before are another part of the
  // sequence: it starts anew.
  static void follow(const Head& head, Received& received) {
    const auto n = static_cast<size_t>(head.n_entries()), before = received.positions.size();
    const int32_t* positions = head.positions();
    if (before > n ||
        !std::equal(received.positions.begin(), received.positions.end(), positions)) {
      received = Received{};
    }
    received.positions.assign(positions, positions + n);
    received.votes.resize(n);
  }

  static void add_sums(const Layer& layer, const Head& head, Received& received) {
    if (received.n_counted == layer.n_seen()) return;
    const Matrix sums = head.attention_sum();  // [group_size, n]
    std::vector<float> scratch;
    for (int64_t g = 0; g < sums.rows(); ++g) {
      const float* row = sums.row(g, scratch);
      for (size_t i = 0; i < received.votes.size(); ++i) received.votes[i] += row[i];
    }
    received.n_counted = layer.n_seen();
  }

  // Rows of the queries that have not voted yet.
  void add_rows(const Layer& layer, const Head& head, Received& received) const {
    const Cube attention = head.window_attention();  // [group_size, W, n]
    const int64_t rows = attention.rows(), first = layer.n_seen() - rows;
    std::vector<float> scratch;
    for (int64_t w = std::max<int64_t>(0, received.n_counted - first); w < rows; ++w) {
      for (float& votes : received.votes) votes *= decay_;
      for (int64_t g = 0; g < attention.slices(); ++g) {
        const float* row = attention.row(g, w, scratch);
        for (size_t i = 0; i < received.votes.size(); ++i) received.votes[i] += row[i];
      }
    }
    received.n_counted = layer.n_seen();
  }

  // A token's score becomes the sum over the heads that hold it.
  static void share(const Layer& layer, Scores& out) {
    std::vector<float> sums(static_cast<size_t>(layer.n_seen()));  // by position
    for (int32_t h = 0; h < layer.n_kv_heads(); ++h) {
      const Head head = layer.head(h);
      for (int64_t i = 0; i < head.n_entries(); ++i) {
        sums[static_cast<size_t>(head.position(i))] += out.row(h)[i];
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
