// SPDX-License-Identifier: Apache-2.0
#include "kernels/quant/quant_level.hpp"

#include "kernels/cpu_level.hpp"

namespace kvhost {

const QuantLevel& quant_level() {
#if defined(KVHOST_X86_LEVELS)
  static const QuantLevel& chosen = []() -> const QuantLevel& {
    switch (current_level()) {
      case CpuLevel::Avx512Bf16:
      case CpuLevel::Avx512Vnni:
        return avx512_vnni_quant();
      case CpuLevel::Avx512:
        return avx512_quant();
      case CpuLevel::Avx2:
        return avx2_quant();
      case CpuLevel::Portable:
        break;
    }
    return portable_quant();
  }();
  return chosen;
#else
  return portable_quant();
#endif
}

}  // namespace kvhost
