// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace kvhost {

// A to Z to a to z; all other bytes stay.
inline std::string lower_case(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

}  // namespace kvhost
