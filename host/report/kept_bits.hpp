// SPDX-License-Identifier: Apache-2.0
// A kept set as text: small enough to put hundreds of them into a page.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace kvhost {

// One bit a position, position p in bit p % 8 of byte p / 8, ceil(n_seen / 8) bytes in base64 with
// padding. `positions` lie in [0, n_seen).
std::string encode_kept(const std::vector<int32_t>& positions, int64_t n_seen);

}  // namespace kvhost
