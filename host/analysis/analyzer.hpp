// SPDX-License-Identifier: Apache-2.0
// Runs a recipe: exact ranks of every text at every length, what cheap estimates and stored
// profiles make of them, budgets of strategies.
#pragma once

#include <functional>
#include <string>

#include "analysis/recipe.hpp"
#include "engine/engine.hpp"
#include "measure/analysis_report.hpp"

namespace kvhost::analysis {

// `progress` gets the share of the work that is done. Throws Error. The caller names model and
// machine in the report.
AnalysisReport analyze(const Engine& engine,
                       const Model& model,
                       const Recipe& recipe,
                       const std::function<void(double share)>& progress);

}  // namespace kvhost::analysis
