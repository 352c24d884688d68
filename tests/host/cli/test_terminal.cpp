// SPDX-License-Identifier: Apache-2.0
// What a terminal of one kind or another gets to see: colours, escapes, bars, and lines that fit.
#include <algorithm>
#include <catch2/catch.hpp>
#include <csignal>

#include "program.hpp"
#include "report/table.hpp"

namespace kvhost::test {

namespace {

using Environment = std::map<std::string, std::string>;

const Environment kXterm = {{"TERM", "xterm-256color"}, {"LC_ALL", "C.UTF-8"}};

std::string shown(const Environment& environment, int columns = 80) {
  const Scratch scratch;
  const Outcome outcome = run_on_terminal(
      {"--model", "tiny", "-p", "Once upon a time there was a cat", "-n", "4", "--budget", "3"},
      scratch.folder(),
      environment,
      columns);
  CHECK(outcome.exit_code == 0);
  return outcome.out;
}

bool is_ascii(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x80; });
}

}  // namespace

TEST_CASE("a capable terminal gets colours and a bar") {
  const std::string text = shown(kXterm);
  CHECK_THAT(text, Catch::Matchers::Contains("\033[48;5;"));
  CHECK_THAT(text, Catch::Matchers::Contains("\r\033[K"));
  CHECK_THAT(text, Catch::Matchers::Contains("╌"));
}

TEST_CASE("a dumb terminal, or one of no name, gets neither escapes nor redrawn lines") {
  for (const Environment& environment : {Environment{{"TERM", "dumb"}, {"LC_ALL", "C.UTF-8"}},
                                         Environment{{"LC_ALL", "C.UTF-8"}},
                                         Environment{{"TERM", ""}}}) {
    const std::string text = shown(environment);
    CHECK(text.find('\033') == std::string::npos);
    CHECK_THAT(text, Catch::Matchers::Contains("in percent"));
    for (size_t at = text.find('\r'); at != std::string::npos; at = text.find('\r', at + 1))
      CHECK(text.substr(at, 2) == "\r\n");  // what the terminal makes of a newline
  }
}

TEST_CASE("NO_COLOR leaves the bar and takes the colours") {
  Environment environment = kXterm;
  environment["NO_COLOR"] = "1";
  const std::string text = shown(environment);
  CHECK(text.find("\033[48;5;") == std::string::npos);
  CHECK_THAT(text, Catch::Matchers::Contains("\r\033[K"));
}

TEST_CASE("a locale that is not UTF-8 gets ASCII") {
  for (const Environment& locale : {Environment{{"LC_ALL", "C"}, {"LANG", "C.UTF-8"}},
                                    Environment{{"LC_CTYPE", "POSIX"}, {"LANG", "en_GB.utf8"}},
                                    Environment{{"LANG", "de_DE.ISO-8859-1"}},
                                    Environment{}}) {
    Environment environment = locale;
    environment["TERM"] = "xterm";
    const std::string text = shown(environment);
    CHECK(is_ascii(text));
    CHECK_THAT(text, Catch::Matchers::Contains("\033[48;5;"));  // colours all the same
  }
  CHECK_FALSE(is_ascii(shown({{"TERM", "xterm"}, {"LC_ALL", ""}, {"LANG", "en_GB.utf8"}})));
}

TEST_CASE("the progress line never wraps") {
  for (const int columns : {12, 20, 30, 60}) {
    INFO(columns);
    const std::string text = shown(kXterm, columns);
    const std::string redraw = "\r\033[K";
    int n = 0;
    for (size_t at = text.find(redraw); at != std::string::npos;) {
      const size_t start = at + redraw.size();
      at = text.find(redraw, start);
      if (at == std::string::npos) break;  // the last one erases
      CHECK(shown_width(text.substr(start, at - start)) < static_cast<size_t>(columns));
      ++n;
    }
    CHECK(n > 0);
  }
}

TEST_CASE("on a terminal an error begins its own line") {
  const Scratch scratch;
  const Outcome outcome = run_on_terminal({"--model",
                                           "tiny",
                                           "-p",
                                           "Once upon a time",
                                           "--press",
                                           "none",
                                           "-q",
                                           "-n",
                                           "100000",
                                           "--temperature",
                                           "2"},
                                          scratch.folder(),
                                          {{"TERM", "dumb"}},
                                          80,
                                          SIGINT);
  CHECK(outcome.exit_code == 130);
  const std::string error = "\r\nkvhost: error: interrupted; nothing more was written\r\n";
  CHECK_THAT(outcome.out, Catch::Matchers::EndsWith(error));
}

}  // namespace kvhost::test
