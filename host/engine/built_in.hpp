// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "measure/plugin_facts.hpp"

namespace kvhost {

// It came with the program, whose version says what it does; other libraries change by themselves.
bool is_built_in(const PluginFacts& plugin);

}  // namespace kvhost
