// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace kvhost {

// The most memory this process has held at once, in bytes: VmHWM of /proc/self/status, which begins
// anew with every program that is started. ru_maxrss does not: over exec it keeps the peak of
// whoever started this one, so it serves only where there is no /proc, as an upper bound. 0:
// neither is known.
int64_t peak_rss_bytes();

// What a process could still take without others being pushed out, in bytes: MemAvailable of
// /proc/meminfo, or less where the control group has a limit. 0: not known.
int64_t available_memory();

}  // namespace kvhost
