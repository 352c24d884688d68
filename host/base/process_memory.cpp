// SPDX-License-Identifier: Apache-2.0
#include "base/process_memory.hpp"

#include <sys/resource.h>

#include <fstream>
#include <string>

namespace kvhost {

int64_t peak_rss_bytes() {
  constexpr int64_t kKilobyte = 1024;
  std::ifstream status("/proc/self/status");
  for (std::string key; status >> key;) {
    int64_t kilobytes = 0;
    if (key == "VmHWM:" && status >> kilobytes) return kilobytes * kKilobyte;
    status.ignore(1 << 20, '\n');
  }
  rusage usage = {};
  return getrusage(RUSAGE_SELF, &usage) == 0 ? usage.ru_maxrss * kKilobyte : 0;
}

}  // namespace kvhost
