// SPDX-License-Identifier: Apache-2.0
// What a learned file of a method is and costs, beside its model, as JSON and as text.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "model/inventory.hpp"
#include "train/surrogate_file.hpp"

namespace kvhost {

nlohmann::json surrogate_json(const std::string& file,
                              const train::SurrogateFacts& facts,
                              const std::optional<ModelInventory>& model);

std::string surrogate_text(const nlohmann::json& surrogate);

}  // namespace kvhost
