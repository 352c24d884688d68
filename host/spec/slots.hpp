// SPDX-License-Identifier: Apache-2.0
// Several methods inside one: which of them stands in which of its slots.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "registry/catalog.hpp"
#include "spec/composition.hpp"
#include "spec/spec.hpp"

namespace kvhost {

// "the wrapper 'chunks'"
std::string called(const Node& node);

// How many must stand inside a wrapper; 1 where it has no slots of its own.
size_t least_inside(const std::vector<registry::SlotInfo>& slots);

// Throws Error(BadRequest) where `n` methods inside are too few or too many.
void check_count(const Spec& spec, const std::vector<registry::SlotInfo>& slots, size_t n);

// The slot of each of n methods, in the order they were written: a slot takes as many as it may and the
// slots behind it leave.
std::vector<uint32_t> places_in(const std::vector<registry::SlotInfo>& slots, size_t n);

// Throws Error(BadRequest) for a method of a kind that does not stand in this slot of `outer`.
void check_slot(const Node& outer, const registry::SlotInfo& slot, const Node& inner);

}  // namespace kvhost
