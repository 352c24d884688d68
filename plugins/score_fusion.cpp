// SPDX-License-Identifier: Apache-2.0
// Score fusion: several scorers inside, one score out, their weighted sum or the largest of them, after
// each was brought to the same scale. Paper: Fox and Shaw 1994 (CombSUM, CombMAX). Checked against: the
// rules written down in Python, tests/oracle/score_fusion_golden.py.
#include <kvhost/sdk.hpp>

namespace {

using namespace kvhost::sdk;

class ScoreFusion {
 public:
  static Description describe() {
    return wrapper("score_fusion")
        .summary("One score of several scorers inside: their weighted sum, or the largest")
        .paper("Fox and Shaw, Combination of Multiple Searches, TREC-2, 1994")
        .reference("CombSUM and CombMAX, written down in Python")
        .notes(
            "score_fusion(weights=[0.7,0.3]):(snapkv+knorm). Each scorer's entries of a layer, all heads "
            "together, are brought to a scale first: min_max to [0, 1] (Lee 1997), z_score to mean 0 "
            "and deviation 1, or none. Entries that a scorer pins to stay are not part of its scale and "
            "count as its largest score; one that stays for any stays, one that goes for all goes.")
        .default_inner("snapkv")
        .slot("scorers", 1, kMost)
        .param(choice("rule", {"weighted_sum", "max"})
                   .doc("What is made of the scorers' scores of an entry"))
        .param(reals("weights").min(0).max(1e6).doc(
            "Of the scorers in their order, by which scores are multiplied; none: all alike"))
        .param(choice("normalize", {"min_max", "z_score", "none"})
                   .doc("The scale that each scorer's scores are brought to"))
        .decodes();
  }

  explicit ScoreFusion(const Args& args)
      : inner_(args.children()),
        weights_(args.reals("weights")),
        largest_(args.choice("rule") == "max"),
        scale_(args.choice("normalize")) {
    if (weights_.empty()) weights_.assign(inner_.size(), 1.0 / static_cast<double>(inner_.size()));
    if (weights_.size() != inner_.size())
      bad_parameter("weights",
                    "has " + std::to_string(weights_.size()) + " numbers for " +
                        std::to_string(inner_.size()) + " scorers; expected one for each");
  }

  void score(const Layer& layer, Scores& out) const {
    ScoreBuffer buffer(out);
    Scores one = buffer.scores();
    for (size_t i = 0; i < inner_.size(); ++i) {
      for (int32_t h = 0; h < out.n_kv_heads(); ++h)
        std::fill_n(one.pin_row(h), one.n_entries(h), int8_t{0});
      inner_[i].score(layer, one);
      const Line line = scale_of(one, weights_[i]);
      for_each_head(layer, [&](int32_t h) { add(one, line, h, /*first=*/i == 0, out); });
    }
  }

 private:
  static constexpr uint32_t kMost = 8;

  // y = factor * (x - zero); `top` is that of the largest x.
  struct Line {
    double zero = 0, factor = 1, top = 0;
    float operator()(float x) const { return static_cast<float>(factor * (x - zero)); }
  };

  // Over the entries that are not pinned to stay. Scores that are all equal say nothing, and are 0.
  Line scale_of(const Scores& scores, double weight) const {
    double least = 0, most = 0, sum = 0, squares = 0;
    int64_t n = 0;
    for (int32_t h = 0; h < scores.n_kv_heads(); ++h)
      for (int64_t i = 0; i < scores.n_entries(h); ++i) {
        if (scores.pin_row(h)[i] > 0) continue;
        const double x = scores.row(h)[i];
        least = n == 0 ? x : std::min(least, x);
        most = n == 0 ? x : std::max(most, x);
        sum += x;
        ++n;
      }
    Line line{0, weight, 0};
    if (n == 0) return line;
    if (scale_ == "min_max") line = {least, most > least ? weight / (most - least) : 0, 0};
    if (scale_ == "z_score") {
      const double mean = sum / static_cast<double>(n);
      for (int32_t h = 0; h < scores.n_kv_heads(); ++h)
        for (int64_t i = 0; i < scores.n_entries(h); ++i)
          if (scores.pin_row(h)[i] <= 0) squares += square(scores.row(h)[i] - mean);
      const double deviation = std::sqrt(squares / static_cast<double>(n));
      line = {mean, deviation > 0 ? weight / deviation : 0, 0};
    }
    line.top = line.factor * (most - line.zero);
    return line;
  }
  static double square(double x) { return x * x; }

  void add(const Scores& one, const Line& line, int32_t h, bool first, const Scores& out) const {
    for (int64_t i = 0; i < out.n_entries(h); ++i) {
      const int8_t pin = one.pin_row(h)[i];
      const float value = pin > 0 ? static_cast<float>(line.top) : line(one.row(h)[i]);
      float& score = out.row(h)[i];
      score = first ? value : largest_ ? std::max(score, value) : score + value;
      // Whoever wants it kept decides; it is dropped first only where all want that.
      int8_t& so_far = out.pin_row(h)[i];
      so_far = first ? pin : std::max(so_far, pin);
    }
  }

  std::vector<Child> inner_;
  std::vector<double> weights_;
  bool largest_;
  std::string scale_;
};

}  // namespace

KVHOST_WRAPPER(ScoreFusion)
