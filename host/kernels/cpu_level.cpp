// SPDX-License-Identifier: Apache-2.0
#include "kernels/cpu_level.hpp"

#include <cstdlib>

#include "base/error.hpp"
#include "base/text.hpp"
#include "kernels/attention.hpp"

namespace kvhost {
namespace {

bool supported(CpuLevel level) {
#if defined(KVHOST_X86_LEVELS)
  const bool avx2 = __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0 &&
                    __builtin_cpu_supports("f16c") != 0;
  const bool avx512 =
      avx2 && __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
      __builtin_cpu_supports("avx512dq") != 0 && __builtin_cpu_supports("avx512vl") != 0;
  switch (level) {
    case CpuLevel::Avx512Bf16:
      return avx512 && __builtin_cpu_supports("avx512vnni") != 0 &&
             __builtin_cpu_supports("avx512bf16") != 0;
    case CpuLevel::Avx512Vnni:
      return avx512 && __builtin_cpu_supports("avx512vnni") != 0;
    case CpuLevel::Avx512:
      return avx512;
    case CpuLevel::Avx2:
      return avx2;
    case CpuLevel::Portable:
      return true;
  }
#endif
  return level == CpuLevel::Portable;
}

}  // namespace

const char* level_name(CpuLevel level) {
  switch (level) {
    case CpuLevel::Avx512Bf16:
      return "avx512_bf16";
    case CpuLevel::Avx512Vnni:
      return "avx512_vnni";
    case CpuLevel::Avx512:
      return "avx512";
    case CpuLevel::Avx2:
      return "avx2";
    case CpuLevel::Portable:
      break;
  }
  return "portable";
}

std::vector<CpuLevel> available_levels() {
  std::vector<CpuLevel> levels;
  for (const CpuLevel level :
       {CpuLevel::Portable,
        CpuLevel::Avx2,
        CpuLevel::Avx512,
        CpuLevel::Avx512Vnni,
        CpuLevel::Avx512Bf16}) {
    if (supported(level)) {
      levels.push_back(level);
    }
  }
  return levels;
}

CpuLevel parse_level(const std::string& name) {
  const std::vector<CpuLevel> levels = available_levels();
  if (name.empty()) {
    return levels.back();
  }
  std::vector<std::string> names;
  for (const CpuLevel level : levels) {
    names.emplace_back(level_name(level));
    if (name == names.back()) {
      return level;
    }
  }
  bad_request("KVHOST_CPU",
              "'" + name + "' is not available; this machine has " + join(names, ", ") +
                  did_you_mean(name, names));
}

CpuLevel current_level() {
  static const CpuLevel level = [] {
    const char* name = std::getenv("KVHOST_CPU");
    return parse_level(name == nullptr ? "" : name);
  }();
  return level;
}

const char* cpu_level() { return level_name(current_level()); }

}  // namespace kvhost
