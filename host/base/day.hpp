// SPDX-License-Identifier: Apache-2.0
// The day, as reports and records name it.
#pragma once

#include <string>

namespace kvhost {

std::string today();  // UTC, "2026-11-27"

}  // namespace kvhost
