// SPDX-License-Identifier: Apache-2.0
// What goes over the eight groups of a step. Included by level files only.
#pragma once

#include <utility>

namespace kvhost {
namespace {

// use.template operator()<G>() for the eight groups of a step.
template <class Use>
inline __attribute__((always_inline)) void each_group(const Use& use) {
  [&]<int... G>(std::integer_sequence<int, G...>) __attribute__((always_inline)) {
    (use.template operator()<G>(), ...);
  }
  (std::make_integer_sequence<int, 8>());
}

// Has the compiler read single ones of a vector from memory, which is one step each, rather than by
// shuffling.
template <class Array>
inline void in_memory(Array& array) {
  asm("" : "+m"(array));
}

}  // namespace
}  // namespace kvhost
