// SPDX-License-Identifier: Apache-2.0
// Weights stored in another way than their file has them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/dtype.hpp"
#include "model/weight_slots.hpp"

namespace kvhost {

// Every matrix among the slots as `form`: BF16 (numbers; only for a model that runs in bfloat16),
// Q8_0 or Q4_0. Throws Error(BadRequest) naming a matrix whose rows are no whole blocks.
void store_as(WeightType form, DType dtype, const std::vector<WeightSlot>& slots);

}  // namespace kvhost
