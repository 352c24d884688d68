// SPDX-License-Identifier: Apache-2.0
// Exact ranks and entropies of one text.
#pragma once

#include <functional>
#include <span>

#include "base/context.hpp"
#include "engine/model.hpp"
#include "measure/analysis_report.hpp"

namespace kvhost::analysis {

// `of_heads`: every head's own rank too, n_heads times as much work. `progress` gets the share of
// the layers that are done.
TextRanks exact_ranks(const Model& model,
                      std::span<const int32_t> tokens,
                      bool of_heads,
                      const Context& context,
                      const std::function<void(double)>& progress);

}  // namespace kvhost::analysis
