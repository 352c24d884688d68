// SPDX-License-Identifier: Apache-2.0
// Rows of fewer channels: some elements of a row in a given order, and back.
#pragma once

#include <cstdint>
#include <span>

namespace kvhost {

// to[i] = from[channels[i]], zero where the channel is -1. Elements have 2 or 4 bytes; `to` holds
// channels.size() of them and does not overlap `from`.
void pick_channels(const void* from,
                   std::span<const int32_t> channels,
                   int64_t element_bytes,
                   void* to);

// to[channels[i]] = from[i]; what no channel names stays as it is.
void spread_channels(const void* from,
                     std::span<const int32_t> channels,
                     int64_t element_bytes,
                     void* to);

}  // namespace kvhost
