// SPDX-License-Identifier: Apache-2.0
#include "report/terminal.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <string>

#include "base/ascii.hpp"
#include "base/environment.hpp"

namespace kvhost {

namespace {

bool locale_is_utf8() {
  std::string locale;
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"})
    if (locale.empty()) locale = environment(name);
  locale = lower_case(locale);
  return locale.find("utf-8") != std::string::npos || locale.find("utf8") != std::string::npos;
}

}  // namespace

int columns_of(int fd) {
  winsize size = {};
  return ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

Terminal terminal_at(int fd) {
  const std::string kind = environment("TERM");
  Terminal terminal;
  terminal.escapes = isatty(fd) == 1 && !kind.empty() && kind != "dumb";
  terminal.utf8 = locale_is_utf8();
  terminal.columns = columns_of(fd);
  return terminal;
}

}  // namespace kvhost
