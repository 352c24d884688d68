// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "serve/refusal.hpp"

namespace kvhost {

// Anthropic's form of an error, as text.
std::string message_error(const Refusal& refusal);

}  // namespace kvhost
