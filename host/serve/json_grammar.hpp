// SPDX-License-Identifier: Apache-2.0
// JSON schemas as grammars, and any JSON.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "serve/grammar.hpp"

namespace kvhost {

// An object of any kind.
Grammar any_object_grammar();

// What fits `schema`: type, properties (in alphabetical order), required, items, minItems,
// maxItems, enum, const, anyOf, oneOf, $ref to $defs. An object without properties may hold any,
// one with properties only these. What else a schema may ask for is refused with its place, which
// begins with `where`.
Grammar schema_grammar(const nlohmann::json& schema, const std::string& where);

}  // namespace kvhost
