// SPDX-License-Identifier: Apache-2.0
// Uniform random scores: what any method has to beat.
// Checked against: the distribution of kvpress 0.5.5 RandomPress (the draws themselves cannot be
// the same).
#include <kvhost/sdk.hpp>

namespace {

using namespace kvhost::sdk;

class Random {
 public:
  static Description describe() {
    return scorer("random")
        .summary("Keeps a uniformly random subset")
        .reference("kvpress 0.5.5 RandomPress")
        .notes(
            "A draw depends on seed, layer, head and position only, so it is the same for any "
            "number of threads, and an entry keeps its score while generating. kvpress with a "
            "seed gives every layer the same scores; here layers differ.")
        .param(optional_integer("seed").min(0).max(kMostSeed).doc("Of the draws; none: the run's own seed"))
        .decodes();
  }

  explicit Random(const Args& args) : seed_(args.optional_integer("seed")) {}

  void score(const Layer& layer, Scores& out) const {
    const uint64_t seed = seed_ ? static_cast<uint64_t>(*seed_) : layer.seed();
    const auto index = static_cast<uint64_t>(layer.index());
    for (int32_t h = 0; h < layer.n_kv_heads(); ++h) {
      const Head head = layer.head(h);
      for (int64_t i = 0; i < head.n_entries(); ++i) {
        const auto position = static_cast<uint64_t>(head.position(i));
        out.row(h)[i] = uniform_float(random_bits(seed, index, static_cast<uint64_t>(h), position));
      }
    }
  }

 private:
  std::optional<int64_t> seed_;
};

}  // namespace

KVHOST_SCORER(Random)
