// SPDX-License-Identifier: Apache-2.0
// How this thread's processor rounds, and what of floating-point arithmetic traps. Reading it costs
// a nanosecond or two; the flags of what happened, which every operation may set, are left out.
#pragma once

#include <cstdint>

#if defined(__x86_64__)
#include <xmmintrin.h>
#else
#include <cfenv>
#endif

namespace kvhost {

#if defined(__x86_64__)

struct FloatState {
  uint32_t sse = 0;  // MXCSR: rounding, masks, flush to zero
  uint16_t x87 = 0;  // control word: rounding, masks, precision

  static FloatState current() {
    FloatState state;
    state.sse = _mm_getcsr() & ~0x3fu;
    asm volatile("fnstcw %0" : "=m"(state.x87));
    return state;
  }
  void restore() const {
    _mm_setcsr(sse);
    asm volatile("fnclex\n\tfldcw %0" : : "m"(x87));
  }
  bool operator==(const FloatState&) const = default;
};

#else

struct FloatState {
  int rounding = 0;
  int traps = 0;

  static FloatState current() { return {std::fegetround(), fegetexcept()}; }
  void restore() const {
    std::fesetround(rounding);
    fedisableexcept(FE_ALL_EXCEPT);
    feenableexcept(traps);
  }
  bool operator==(const FloatState&) const = default;
};

#endif

}  // namespace kvhost
