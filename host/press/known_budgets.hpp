// SPDX-License-Identifier: Apache-2.0
// Budgets of a composition that needs no prompt to decide them, without reading one.
#pragma once

#include <cstdint>
#include <vector>

#include "press/layer_budgets.hpp"

namespace kvhost {

// Entries per layer after the last selection. The press must cut at once (CutTime::AtOnce) and own
// no total.
std::vector<int64_t> known_budgets(const Press& press, const LayerBounds& bounds, int64_t total);

}  // namespace kvhost
