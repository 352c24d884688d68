// SPDX-License-Identifier: Apache-2.0
// What a GGUF file says of its model, in the words of config.json, so that families are read in one
// place.
#pragma once

#include "format/gguf.hpp"
#include "model/config.hpp"
#include "model/gguf_architectures.hpp"
#include "model/json_fields.hpp"

namespace kvhost {

// Throws Error(CannotLoad); an unknown architecture lists the known ones.
const GgufArchitecture& gguf_architecture(const GgufFile& file);

nlohmann::json gguf_config(const GgufFile& file);

// The metadata that its keys come from.
KeyNames gguf_key_names(const GgufFile& file);

// Stretches each wave by the factors that the files of Llama 3 models hold, if any.
void apply_rope_factors(const GgufFile& file, RopeConfig& rope);

}  // namespace kvhost
