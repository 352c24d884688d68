// SPDX-License-Identifier: Apache-2.0
#include "cost.hpp"

#include "kvhost/plugin.h"

namespace kvhost::registry {

Cost cost_of(uint32_t tensor) {
  switch (tensor) {
    case KVH_T_KEYS:
    case KVH_T_VALUES:
    case KVH_T_OUTPUT_WEIGHT:
      return Cost::Free;
    case KVH_T_HIDDEN:
    case KVH_T_QUERY_WINDOW:
      return Cost::Cheap;
    case KVH_T_WINDOW_ATTENTION:
      return Cost::Product;
    default:
      return Cost::Dear;
  }
}

const char* cost_words(Cost cost) {
  switch (cost) {
    case Cost::Free:
      return "free: it is there anyway";
    case Cost::Cheap:
      return "cheap: a slice of what the forward pass computes";
    case Cost::Product:
      return "cheap: one small matrix product per layer";
    case Cost::Dear:
      return "dear: O(T^2) time and memory, after prefill only";
  }
  return "";
}

bool has_dear_need(const MethodInfo& method) {
  for (const NeedInfo& need : method.needs) {
    if (cost_of(need.tensor) == Cost::Dear && !(need.flags & KVH_NEED_OPTIONAL)) return true;
  }
  return false;
}

bool takes_file(const MethodInfo& method) {
  for (const ParamInfo& param : method.params) {
    if (param.type == KVH_PARAM_FILE) return true;
  }
  return false;
}

}  // namespace kvhost::registry
