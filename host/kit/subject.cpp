// SPDX-License-Identifier: Apache-2.0
#include "kit/subject.hpp"

#include "kvhost/method.h"

namespace kvhost {

using registry::Kind;
using registry::MethodInfo;
using testing::FakeLayer;

namespace {

// The scorer inside a wrapper.
kvh_status score_inside(const kvh_child*, const kvh_layer*, kvh_scores* out, kvh_error*) noexcept {
  make_up_scores(*out);
  return KVH_OK;
}
kvh_status score_part_inside(
    const kvh_child*, const kvh_layer*, const kvh_part*, kvh_scores* out, kvh_error*) noexcept {
  make_up_scores(*out);
  return KVH_OK;
}
constexpr kvh_child inside(uint32_t slot) {
  return {sizeof(kvh_child), KVH_KIND_SCORER, slot, 0, nullptr, "inside", score_inside, score_part_inside};
}

// As few as may stand inside a wrapper.
std::vector<kvh_child> children_of(const MethodInfo& method) {
  if (method.slots.empty()) return {inside(0)};
  std::vector<kvh_child> children;
  for (uint32_t i = 0; i < method.slots.size(); ++i)
    children.insert(children.end(), method.slots[i].min, inside(i));
  return children;
}

}  // namespace

void make_up_scores(kvh_scores& out) {
  for (int32_t h = 0; h < out.n_kv_heads; ++h) {
    const int64_t n = out.n_entries[h];
    for (int64_t i = 0; i < n; ++i) {
      out.scores[h][i] = static_cast<float>((i * 37 + h * 11) % 101) / 101;
      out.pins[h][i] = i + 2 >= n ? 1 : 0;
    }
  }
}

Subject::Subject(const MethodInfo& method, testing::Settings settings, const LayerSpec& spec)
    : frame_(spec.shape, FakeLayer::dense(spec.shape.n_kv_heads, 1), 1) {
  frame_.add_rope();
  const std::string library = method.library.string();
  if (method.kind == Kind::Wrapper) {
    children_ = children_of(method);
    std::vector<const kvh_child*> rows;
    for (const kvh_child& child : children_) rows.push_back(&child);
    plugin_.emplace(library, std::move(settings), std::move(rows), &frame_.model(), method.index);
    return;
  }
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
