// SPDX-License-Identifier: Apache-2.0
#include "kit/subject.hpp"

#include "kvhost/method.h"

namespace kvhost {

using registry::Kind;
using registry::MethodInfo;
using testing::FakeLayer;
using testing::GivenScores;
using testing::ScoreTable;

namespace {

// Scores as a scorer inside would give: different everywhere, the last entries pinned.
class Inside {
 public:
  static kvh_status score(const kvh_child*, const kvh_layer* layer, kvh_scores* out, kvh_error*) noexcept {
    for (int32_t h = 0; h < layer->n_kv_heads; ++h) {
      const int64_t n = out->n_entries[h];
      for (int64_t i = 0; i < n; ++i) {
        out->scores[h][i] = static_cast<float>((i * 37 + h * 11) % 101) / 101;
        out->pins[h][i] = i + 2 >= n ? 1 : 0;
      }
    }
    return KVH_OK;
  }
  static kvh_status score_part(const kvh_child* child,
                               const kvh_layer* layer,
                               const kvh_part*,
                               kvh_scores* out,
                               kvh_error* error) noexcept {
    return score(child, layer, out, error);
  }
  static kvh_child child() {
    return {sizeof(kvh_child), KVH_KIND_SCORER, nullptr, "inside", score, score_part};
  }
};

}  // namespace

Subject::Subject(const MethodInfo& method, testing::Settings settings, const LayerSpec& spec)
    : frame_(spec.shape, FakeLayer::dense(spec.shape.n_kv_heads, 1), 1) {
  frame_.add_rope();
  const std::string library = method.library.string();
  if (method.kind == Kind::Wrapper)
    plugin_.emplace(library, std::move(settings), Inside::child(), &frame_.model(), method.index);
  else
    plugin_.emplace(library, std::move(settings), nullptr, &frame_.model(), method.index);
}

std::vector<kvh_need> Subject::needs() const { return plugin_->needs(); }

std::unique_ptr<TrialLayer> Subject::layer(const LayerSpec& spec) const {
  return std::make_unique<TrialLayer>(spec, needs());
}

std::string why_not_numbers(const MethodInfo& method) {
  if (method.flags & KVH_METHOD_READS_PROMPT) return "reads the prompt's tokens, which only a model has";
  for (const auto& param : method.params)
    if (param.type == KVH_PARAM_FILE && param.def.is_null() && !(param.flags & KVH_PARAM_OPTIONAL))
      return "needs a file of its own: " + param.name;
  return "";
}

}  // namespace kvhost
