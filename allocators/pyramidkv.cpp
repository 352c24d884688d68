// SPDX-License-Identifier: Apache-2.0
// PyramidKV: lower layers spread their attention and get more entries, upper layers get fewer, in a
// straight line. Paper: arXiv:2406.02069. Checked against: kvpress 0.5.5
// PyramidKVPress.get_layer_budget.
#include <kvhost/sdk.hpp>

namespace {

using namespace kvhost::sdk;

class PyramidKv {
 public:
  static Description describe() {
    return layer_allocator("pyramidkv")
        .summary("More entries for lower layers, fewer for upper ones, in a straight line")
        .paper("arXiv:2406.02069")
        .default_inner("snapkv")
        .reference("kvpress 0.5.5 PyramidKVPress")
        .notes(
            "rule=exact keeps the line at every budget and sums to the total. rule=kvpress gives "
            "kvpress's own numbers: rounded half to even, and the same for all layers when the "
            "last layer would get less than window_size; their sum may differ from the total. "
            "RankKV's copy divides by the number of layers instead of one less, so its sum is "
            "above the total.")
        .param(real("beta", 20.0)
                   .min(1)
                   .doc("Average over last layer's entries; larger makes the pyramid steeper"))
        .param(integer("window_size", 64)
                   .min(1)
                   .unit("tokens")
                   .doc("Of the scorer inside: bounds the first layer and kvpress's flat case"))
        .param(choice("rule", {"exact", "kvpress"}).doc("Whether the total or kvpress is matched"));
  }

  explicit PyramidKv(const Args& args)
      : beta_(args.real("beta")),
        window_size_(static_cast<double>(args.integer("window_size"))),
        as_kvpress_(args.choice("rule") == "kvpress") {}

  uint32_t when() const { return KVH_WHEN_BEFORE_PREFILL; }

  void allocate(const LayerRequest& request, LayerAnswer& answer) const {
    const auto n_layers = static_cast<size_t>(request.n_layers());
    const double average = request.entries_per_head();
    const auto [first, last] = ends(average, static_cast<double>(request.kv_len()));
    const double step = n_layers > 1 ? (first - last) / static_cast<double>(n_layers - 1) : 0.0;
    std::vector<double> line(n_layers);
    for (size_t l = 0; l < n_layers; ++l) line[l] = first - static_cast<double>(l) * step;
    if (!as_kvpress_) {
      if (first < last) std::fill(line.begin(), line.end(), 1.0);  // no room for a pyramid
      answer.shares(line);
      return;
    }
    const bool pyramid =
        static_cast<double>(request.kv_len()) >= first && first >= last && last >= window_size_;
    std::vector<int64_t> entries;
    for (size_t l = 0; l < n_layers; ++l) {
      const double rounded = std::nearbyint(pyramid ? line[l] : average);  // half to even
      const auto kept = pyramid ? static_cast<int64_t>(rounded)
                                : std::max<int64_t>(1, static_cast<int64_t>(rounded));
      // A sliding window holds less than kvpress's rule, which knows none, would give.
      entries.push_back(
          std::min(kept * request.n_kv_heads(), request.max_entries(static_cast<int32_t>(l))));
    }
    answer.entries(entries);
  }

 private:
  // Entries per head of the first and the last layer, in kvpress's order of operations.
  std::pair<double, double> ends(double average, double kv_len) const {
    const double capacity = window_size_ + average;
    double last = (capacity - window_size_) / beta_;
    double first = (capacity - window_size_) * 2 - last;
    if (first >= kv_len - window_size_) {
      first = kv_len - window_size_;
      last = (capacity - window_size_) * 2 - first;
    }
    return {first, last};
  }

  double beta_;
  double window_size_;
  bool as_kvpress_;
};

}  // namespace

KVHOST_LAYER_ALLOCATOR(PyramidKv)
