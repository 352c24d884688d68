// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "serve/reading.hpp"

namespace kvhost {

// What there is to tell of a prompt that was read.
ReadFacts facts_of(const Reading& reading);

}  // namespace kvhost
