// SPDX-License-Identifier: Apache-2.0
// Which methods of a composition read the prompt more than once, and what that costs.
#pragma once

#include <string>
#include <vector>

#include "kvhost/passes.h"
#include "method/instance.hpp"
#include "method/prompt.hpp"
#include "press/stage.hpp"

namespace kvhost {

class Press;

// The method's passes, or null when it makes none.
const kvh_passes* passes_of(const Instance& method);

// What the model reads for the method beside a prompt of n tokens, passes, drafts and appendix
// together. Throws Error.
kvh_pass_cost reading_cost(const Instance& method, const PromptView& prompt);

// The cost of its passes over `prompt`. Throws Error.
kvh_pass_cost pass_cost(const Instance& method, const PromptView& prompt);

// The methods of a stage that have more read than the prompt once, those inside others included, in
// the order in which they read.
std::vector<const Instance*> reading_again(const Stage& stage);

struct PassReport {
  std::string method;
  kvh_pass_cost cost;
};

// Of all stages.
std::vector<PassReport> pass_reports(const Press& press, const SeenPrompt& prompt);

}  // namespace kvhost
