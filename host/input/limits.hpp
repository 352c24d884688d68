// SPDX-License-Identifier: Apache-2.0
// Numbers with their ranges, checked alike whether they come from a flag or from a run file.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "base/text.hpp"  // quoted

namespace kvhost {

struct Limits {
  double min, max;         // max = infinity: no upper bound
  bool above_min = false;  // value > min rather than >=
  bool below_max = false;

  bool hold(double value) const;
  std::string range() const;  // "in (0, 1]", ">= 1"
};

inline constexpr double kNoLimit = 9.0e15;  // integers up to here are exact in a double

inline constexpr Limits kKeepRatioLimits{0, 1, true, false};
inline constexpr Limits kCompressionRatioLimits{0, 1, false, true};
inline constexpr Limits kPositive{1, kNoLimit};
inline constexpr Limits kNotNegative{0, kNoLimit};
inline constexpr Limits kTopPLimits{0, 1, true, false};

// Each throws Error(BadRequest) with `where`, what was found and the range expected.
double number_from_text(const std::string& where, const std::string& text, const Limits& limits);
int64_t integer_from_text(const std::string& where, const std::string& text, const Limits& limits);
double number_from_json(const std::string& where,
                        const nlohmann::json& value,
                        const Limits& limits);
int64_t integer_from_json(const std::string& where,
                          const nlohmann::json& value,
                          const Limits& limits);

}  // namespace kvhost
