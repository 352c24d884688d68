// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "fetch/catalogue.hpp"

namespace kvhost {

// What `kvhost fetch NAME` knows by name: models/fetch.json of the first data folder that has it.
std::vector<KnownModel> known_models();

}  // namespace kvhost
