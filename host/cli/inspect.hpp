// SPDX-License-Identifier: Apache-2.0
// What a model is made of, as JSON and as text.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "model/inventory.hpp"

namespace kvhost {

nlohmann::json inventory_json(const std::string& model, const ModelInventory& inventory);

// Of that JSON; `each`: every tensor on a line of its own.
std::string inventory_text(const nlohmann::json& inventory, bool each);

}  // namespace kvhost
