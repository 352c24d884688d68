// SPDX-License-Identifier: Apache-2.0
// Holds several scorers in two slots: exactly one scorer first, then one or two of any. Its score is the
// first's minus the others'.
#include <kvhost/sdk.hpp>

namespace {

using namespace kvhost::sdk;

class ZooPair {
 public:
  static Description describe() {
    return wrapper("zoo_pair")
        .summary("The first scorer inside minus the others")
        .slot("first", 1, 1, 1u << KVH_KIND_SCORER)
        .slot("others", 1, 2)
        .decodes();
  }
  explicit ZooPair(const Args& args) : first_(args.children(0)), others_(args.children(1)) {
    if (first_.size() != 1 || others_.empty() || args.children().size() != 1 + others_.size())
      throw Error(KVH_E_INTERNAL, "", "was given other scorers than its slots say");
  }

  void score(const Layer& layer, Scores& out) const {
    first_[0].score(layer, out);
    for (const Child& other : others_) {
      ScoreBuffer buffer(out);
      Scores scores = buffer.scores();
      other.score(layer, scores);
      for (int32_t h = 0; h < out.n_kv_heads(); ++h)
        for (int64_t i = 0; i < out.n_entries(h); ++i) out.row(h)[i] -= scores.row(h)[i];
    }
  }

 private:
  std::vector<Child> first_, others_;
};

}  // namespace

KVHOST_WRAPPER(ZooPair)
