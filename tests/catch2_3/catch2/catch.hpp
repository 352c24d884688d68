// SPDX-License-Identifier: Apache-2.0
// Catch2 3 under the names of Catch2 2, in which the tests are written: Debian 12 has 2, later releases have 3.
#pragma once

#include <catch2/catch_all.hpp>
#include <string>

using Catch::Approx;

namespace Catch {

inline Matchers::StringContainsMatcher Contains(const std::string& part) {
  return Matchers::ContainsSubstring(part);
}

}  // namespace Catch
