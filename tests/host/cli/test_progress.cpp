// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "report/progress.hpp"
#include "report/table.hpp"

namespace kvhost::test {

TEST_CASE("the progress line is always shorter than the terminal") {
  for (const bool utf8 : {false, true})
    for (int columns = 1; columns <= 120; ++columns)
      for (const double seconds : {-1.0, 7.0, 123456.0}) {
        const std::string line = progress_line("prefill", 0.37, seconds, {true, utf8, columns});
        CHECK(shown_width(line) < static_cast<size_t>(columns));
      }
}

TEST_CASE("what does not fit into the line goes, the percent last") {
  const auto line = [](int columns) {
    return progress_line("prefill", 0.5, 12, {true, false, columns});
  };
  CHECK(line(80) == "prefill ############------------  50%  12 s left");
  CHECK(line(40) == "prefill ########-------  50%  12 s left");
  CHECK(line(30) == "prefill ########--------  50%");
  CHECK(line(18) == "prefill  50%");
  CHECK(line(10) == "pref  50%");
  CHECK(line(6) == "  50%");
}

TEST_CASE("bars follow the locale") {
  CHECK(progress_line("x", 0.5, -1, {true, true, 30}).find("━") != std::string::npos);
  CHECK(progress_line("x", 0.5, -1, {true, false, 30}).find("━") == std::string::npos);
}

}  // namespace kvhost::test
