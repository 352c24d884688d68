// SPDX-License-Identifier: Apache-2.0
// The functions that every template has.
#pragma once

#include <optional>
#include <string>

#include "tokenizer/jinja/value.hpp"

namespace kvhost::jinja {

std::optional<Value> find_global(const std::string& name);

}  // namespace kvhost::jinja
