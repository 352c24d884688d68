// SPDX-License-Identifier: Apache-2.0
#include "press/passes.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "kvhost/layout_parts.h"
#include "method/extension.hpp"
#include "press/further_reading.hpp"
#include "press/press.hpp"

namespace kvhost {

const kvh_passes* passes_of(const Instance& method) {
  const auto* passes = extension_of<kvh_passes>(method, KVH_EXT_PASSES, KVH_PASSES_SIZE_1_0);
  if (!passes) return nullptr;
  if (!passes->cost || !passes->next || !passes->observe)
    cannot_load(method.name(),
                std::string("its ") + KVH_EXT_PASSES +
                    " lacks a function; expected cost, next and observe");
  if (!method.method()->begin)
    cannot_load(method.name(),
                std::string("has ") + KVH_EXT_PASSES +
                    " and keeps no state for a sequence; expected begin and end");
  return passes;
}

kvh_pass_cost pass_cost(const Instance& method, const PromptView& prompt) {
  kvh_pass_cost cost{};
  cost.struct_size = sizeof cost;
  const kvh_passes& passes = *passes_of(method);
  method.call("cost()", -1, [&](kvh_error* error) {
    return passes.cost(method.get(), prompt.get(), &cost, error);
  });
  const int64_t least = cost.n_passes > 0 ? 1 : 0;
  if (cost.n_passes < 0 || cost.longest < least || cost.n_tokens < cost.longest)
    run_failed(method.name(),
               "states " + std::to_string(cost.n_passes) + " passes of " +
                   std::to_string(cost.n_tokens) + " tokens, the longest of " +
                   std::to_string(cost.longest) + "; expected numbers that fit each other");
  return cost;
}

kvh_pass_cost reading_cost(const Instance& method, const PromptView& prompt) {
  kvh_pass_cost cost{};
  if (passes_of(method)) cost = pass_cost(method, prompt);
  const auto add = [&cost](int64_t n_passes, int64_t tokens) {
    cost.n_passes += n_passes;
    cost.n_tokens += n_passes * tokens;
    cost.longest = std::max(cost.longest, tokens);
  };
  if (draft_of(method)) add(draft_tokens(method), 1);
  if (appendix_of(method))
    if (const int64_t n = appended_by(method).n_rows; n > 0) add(1, n);
  return cost;
}

std::vector<const Instance*> reading_again(const Stage& stage) {
  std::vector<const Instance*> methods;
  for (const Instance* one : stage.methods())
    if (passes_of(*one) || draft_of(*one) || appendix_of(*one)) methods.push_back(one);
  return methods;
}

std::vector<PassReport> pass_reports(const Press& press, const SeenPrompt& prompt) {
  const PromptView view(prompt);
  std::vector<PassReport> reports;
  for (const auto& stage : press.stages())
    for (const Instance* method : reading_again(stage))
      reports.push_back({method->name(), reading_cost(*method, view)});
  return reports;
}

}  // namespace kvhost
