// SPDX-License-Identifier: Apache-2.0
// Parameter values in manifests, run files and reports.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>

#include "registry/value.hpp"

namespace kvhost::registry {

nlohmann::json json_of(const Value& value);

// Nothing for what no parameter can hold: objects, and lists of anything but numbers. A list with
// one fraction in it is a list of numbers.
std::optional<Value> value_from(const nlohmann::json& json);

}  // namespace kvhost::registry
