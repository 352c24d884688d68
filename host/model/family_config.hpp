// SPDX-License-Identifier: Apache-2.0
// config.json as its family means it: the part that describes a text model, with what it leaves
// out.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>

#include "model/families.hpp"
#include "model/json_fields.hpp"

namespace kvhost {

// Whether a text model's config lies within another's, as "text_config".
bool is_wrapped(const JsonFields& fields);

// What describes the text model: `json`, or its text_config with those of the outer keys that
// concern it. `file` is what messages name.
nlohmann::json text_part(const std::filesystem::path& file, const nlohmann::json& json);

// The family's defaults under what is written; keys that this family does not have are taken out.
nlohmann::json with_defaults(const Family& family, const nlohmann::json& written);

}  // namespace kvhost
