// SPDX-License-Identifier: Apache-2.0
// What a need costs, in words.
#pragma once

#include <string>

#include "registry/catalog.hpp"

namespace kvhost::registry {

enum class Cost { Free, Cheap, Product, Dear };

Cost cost_of(uint32_t tensor);                 // KVH_T_*
const char* cost_words(Cost cost);             // "free: the cache holds it"
bool has_dear_need(const MethodInfo& method);  // one that is required, not optional
bool takes_file(const MethodInfo& method);     // a learned resource

}  // namespace kvhost::registry
