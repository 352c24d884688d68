// SPDX-License-Identifier: Apache-2.0
// Instruction set levels of the hand-written kernels.
#pragma once

#include <string>
#include <vector>

namespace kvhost {

enum class CpuLevel { Portable, Avx2, Avx512, Avx512Vnni, Avx512Bf16 };

const char* level_name(CpuLevel level);    // "avx512_vnni"
std::vector<CpuLevel> available_levels();  // built in and supported by this machine, ascending

// The highest available level, or the one that KVHOST_CPU names. Read once; throws
// Error(BadRequest) when KVHOST_CPU is unknown or not available here.
CpuLevel current_level();

// The level for a value of KVHOST_CPU; empty: the highest.
CpuLevel parse_level(const std::string& name);

}  // namespace kvhost
