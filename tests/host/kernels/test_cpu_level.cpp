// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "base/error.hpp"
#include "kernels/cpu_level.hpp"

TEST_CASE("every available level can be named, portable is the first") {
  const std::vector<kvhost::CpuLevel> levels = kvhost::available_levels();
  REQUIRE(levels.front() == kvhost::CpuLevel::Portable);
  for (const kvhost::CpuLevel level : levels) {
    CHECK(kvhost::parse_level(kvhost::level_name(level)) == level);
  }
  CHECK(kvhost::parse_level("") == levels.back());
}

TEST_CASE("an unknown level is refused with those that there are") {
  CHECK_THROWS_WITH(
      kvhost::parse_level("portabel"),
      Catch::Contains("KVHOST_CPU: 'portabel' is not available; this machine has portable") &&
          Catch::Contains("did you mean 'portable'?"));
}
