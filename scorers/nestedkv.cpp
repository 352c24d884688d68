// SPDX-License-Identifier: Apache-2.0
// NestedKV as far as its abstract determines it: an entry counts by how unlike its key is to the mean
// key of everything, of its block and of its surroundings. Paper: arXiv:2605.26678. Checked against:
// nothing, its formulas are not public.
#include <kvhost/sdk.hpp>

#include <cmath>

namespace {

using namespace kvhost::sdk;

// Unit keys of a head, and sums of the first ones, so that the mean of any stretch is near.
class UnitKeys {
 public:
  explicit UnitKeys(const Matrix& keys) : n_(keys.rows()), d_(keys.cols()) {
    unit_.resize(static_cast<size_t>(n_ * d_));
    sums_.assign(static_cast<size_t>((n_ + 1) * d_), 0.0);
    std::vector<float> scratch;
    for (int64_t i = 0; i < n_; ++i) {
      const float* key = keys.row(i, scratch);
      double square = 0;
      for (int64_t c = 0; c < d_; ++c) square += double{key[c]} * key[c];
      const double norm = std::sqrt(square) + 1e-12;
      for (int64_t c = 0; c < d_; ++c) {
        const double x = key[c] / norm;
        unit_[static_cast<size_t>(i * d_ + c)] = x;
        sums_[static_cast<size_t>((i + 1) * d_ + c)] = sums_[static_cast<size_t>(i * d_ + c)] + x;
      }
    }
  }

  // 1 less the cosine of entry i's key and the mean of the entries [begin, end).
  double unlike(int64_t i, int64_t begin, int64_t end) const {
    double product = 0, square = 0;
    for (int64_t c = 0; c < d_; ++c) {
      const double mean = sums_[static_cast<size_t>(end * d_ + c)] -
                          sums_[static_cast<size_t>(begin * d_ + c)];
      product += mean * unit_[static_cast<size_t>(i * d_ + c)];
      square += mean * mean;
    }
    return 1 - product / (std::sqrt(square) + 1e-12);
  }

 private:
  int64_t n_, d_;
  std::vector<double> unit_, sums_;  // [n, d], [n + 1, d]
};

class NestedKv {
 public:
  static Description describe() {
    return scorer("nestedkv")
        .summary("Unlikeness of a key to the mean keys of everything, of its block, of what is around it")
        .paper("arXiv:2605.26678")
        .notes(
            "Only the abstract is public: keys alone, three anchors (all, block, sliding window), "
            "cosine distance to each, the three rankings mixed, adaptive head budgets. The published "
            "sizes of block and window, weights by head and the gate by surprise are not known; here "
            "the rankings, scaled to [0, 1] in every head, are averaged, or the best one counts, and "
            "anchors are means of unit keys, as KeyDiff's. For head budgets put it inside adakv.")
        .param(integer("block_size", 64).min(1).max(1 << 20).unit("entries").doc(
            "Entries that share an anchor"))
        .param(integer("around", 64).min(1).max(1 << 20).unit("entries").doc(
            "Entries before and behind, each so many, whose mean is the third anchor"))
        .param(choice("mix", {"mean", "max"}).doc("What of the three rankings counts"))
        .decodes();
  }

  explicit NestedKv(const Args& args)
      : block_size_(args.integer("block_size")),
        around_(args.integer("around")),
        largest_(args.choice("mix") == "max") {}

  void score(const Layer& layer, Scores& out) const {
    for_each_head(layer, [&](int32_t h) {
      const Matrix keys = layer.head(h).keys();
      const int64_t n = keys.rows();
      const UnitKeys unit(keys);
      std::vector<double> everything, block, near;
      for (int64_t i = 0; i < n; ++i) {
        const int64_t begin = i / block_size_ * block_size_;
        everything.push_back(unit.unlike(i, 0, n));
        block.push_back(unit.unlike(i, begin, std::min(begin + block_size_, n)));
        near.push_back(
            unit.unlike(i, std::max<int64_t>(i - around_, 0), std::min(i + around_ + 1, n)));
      }
      const auto ranks = {ranked(everything), ranked(block), ranked(near)};
      for (int64_t i = 0; i < n; ++i) {
        float sum = 0, best = 0;
        for (const auto& rank : ranks) {
          sum += rank[static_cast<size_t>(i)];
          best = std::max(best, rank[static_cast<size_t>(i)]);
        }
        out.row(h)[i] = largest_ ? best : sum / 3;
      }
    });
  }

 private:
  // Places in ascending order, scaled to [0, 1]; of equal values the earlier entry has the lower one.
  static std::vector<float> ranked(const std::vector<double>& values) {
    std::vector<size_t> order(values.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::stable_sort(
        order.begin(), order.end(), [&](size_t a, size_t b) { return values[a] < values[b]; });
    std::vector<float> out(values.size());
    const auto last = static_cast<float>(std::max<size_t>(values.size(), 2) - 1);
    for (size_t place = 0; place < order.size(); ++place)
      out[order[place]] = static_cast<float>(place) / last;
    return out;
  }

  int64_t block_size_, around_;
  bool largest_;
};

}  // namespace

KVHOST_SCORER(NestedKv)
