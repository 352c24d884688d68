// SPDX-License-Identifier: Apache-2.0
#include "base/channels.hpp"

namespace kvhost {
namespace {

template <class T>
void pick(const T* from, std::span<const int32_t> channels, T* to) {
  for (size_t i = 0; i < channels.size(); ++i) to[i] = channels[i] < 0 ? T{0} : from[channels[i]];
}

template <class T>
void spread(const T* from, std::span<const int32_t> channels, T* to) {
  for (size_t i = 0; i < channels.size(); ++i)
    if (channels[i] >= 0) to[channels[i]] = from[i];
}

}  // namespace

void pick_channels(const void* from,
                   std::span<const int32_t> channels,
                   int64_t element_bytes,
                   void* to) {
  if (element_bytes == 4)
    pick(static_cast<const uint32_t*>(from), channels, static_cast<uint32_t*>(to));
  else
    pick(static_cast<const uint16_t*>(from), channels, static_cast<uint16_t*>(to));
}

void spread_channels(const void* from,
                     std::span<const int32_t> channels,
                     int64_t element_bytes,
                     void* to) {
  if (element_bytes == 4)
    spread(static_cast<const uint32_t*>(from), channels, static_cast<uint32_t*>(to));
  else
    spread(static_cast<const uint16_t*>(from), channels, static_cast<uint16_t*>(to));
}

}  // namespace kvhost
