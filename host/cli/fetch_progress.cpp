// SPDX-License-Identifier: Apache-2.0
#include "cli/fetch_progress.hpp"

#include <unistd.h>

#include <cstdio>
#include <string>

#include "base/text.hpp"
#include "report/terminal.hpp"

namespace kvhost {

namespace {

constexpr std::chrono::seconds kBetweenLines(5);

// What a bar's label may hold: printable ASCII, and not much of it.
std::string label_of(std::string_view file) {
  constexpr size_t kLongest = 40;
  std::string label(file.substr(file.rfind('/') + 1));
  for (char& c : label)
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) > 0x7e) c = '?';
  return label.size() <= kLongest ? label : label.substr(0, kLongest);
}

}  // namespace

FetchProgress::FetchProgress()
    : bar_(/*wanted=*/true), lines_(!terminal_at(STDERR_FILENO).escapes), told_(Clock::now()) {}

void FetchProgress::show(std::string_view file, int64_t arrived, int64_t total) {
  const double share = total > 0 ? static_cast<double>(arrived) / static_cast<double>(total) : 0;
  bar_.show(total > 0 ? label_of(file) + "  " + format_bytes(total) : "looking", share);
  if (!lines_ || Clock::now() - told_ < kBetweenLines) return;
  told_ = Clock::now();
  std::fprintf(stderr,
               "kvhost: %s: %s of %s\n",
               label_of(file).c_str(),
               format_bytes(arrived).c_str(),
               format_bytes(total).c_str());
}

}  // namespace kvhost
