// SPDX-License-Identifier: Apache-2.0
// Writing files so that half a one is never seen.
#pragma once

#include <filesystem>
#include <functional>
#include <iosfwd>

namespace kvhost {

// Calls `fill` with a stream onto `path`. A regular file, or one that is not there yet, is written
// beside and renamed over what the links of `path` lead to: on any failure, a throwing `fill`, a
// full disk or the end of the process, the old file stays and nothing else does. It keeps its
// permissions; a new one gets those of the umask. It is on the disk before it takes the old one's
// place: after a loss of power there is the one or the other, whole. A pipe, terminal or other device is written in
// place, "-" and /dev/stdout to std::cout. Throws Error(RunFailed), or Error(ClosedPipe).
void write_file(const std::filesystem::path& path, const std::function<void(std::ostream&)>& fill);

}  // namespace kvhost
