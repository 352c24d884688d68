// SPDX-License-Identifier: Apache-2.0
#include "base/process_memory.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <fstream>
#include <string>

namespace kvhost {

namespace {

constexpr int64_t kKilobyte = 1024;

// What stands after `wanted` in a file of lines "key number ...", times `unit`; -1: there is none.
int64_t value_in(const char* path, const std::string& wanted, int64_t unit) {
  std::ifstream file(path);
  for (std::string key; file >> key;) {
    int64_t value = 0;
    if (key == wanted && file >> value) return value * unit;
    file.ignore(1 << 20, '\n');
  }
  return -1;
}

// Of a file that holds one number, -1 where it does not ("max").
int64_t number_in(const char* path) {
  int64_t value = -1;
  return std::ifstream(path) >> value ? value : -1;
}

}  // namespace

int64_t peak_rss_bytes() {
  const int64_t peak = value_in("/proc/self/status", "VmHWM:", kKilobyte);
  if (peak >= 0) return peak;
  rusage usage = {};
  return getrusage(RUSAGE_SELF, &usage) == 0 ? usage.ru_maxrss * kKilobyte : 0;
}

int64_t available_memory() {
  const int64_t machine =
      std::max<int64_t>(value_in("/proc/meminfo", "MemAvailable:", kKilobyte), 0);
  const int64_t limit = number_in("/sys/fs/cgroup/memory.max");
  const int64_t used = number_in("/sys/fs/cgroup/memory.current");
  if (limit < 0 || used < 0) return machine;
  // Pages of files that nobody has used lately give way.
  const int64_t idle =
      std::max<int64_t>(value_in("/sys/fs/cgroup/memory.stat", "inactive_file", 1), 0);
  return std::min(machine, std::max<int64_t>(limit - used + idle, 0));
}

}  // namespace kvhost
