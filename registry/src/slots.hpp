// SPDX-License-Identifier: Apache-2.0
// What may stand inside a method, where that is more than its kind has.
#pragma once

#include <string>
#include <vector>

#include "kvhost/method.h"
#include "registry/catalog.hpp"

namespace kvhost::registry {

// Throws Refusal("describe") for slots that this kvhost does not know.
void validate_slots(const kvh_method& method, const std::string& where);

// Empty when they are what its kind has: a wrapper one scorer or wrapper, a press one or none.
std::vector<SlotInfo> slots_of(const kvh_method& method);

// The same of a manifest; throws std::runtime_error.
void check_slots(const std::vector<SlotInfo>& slots, Kind kind, const std::string& where);

}  // namespace kvhost::registry
