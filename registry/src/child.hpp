// SPDX-License-Identifier: Apache-2.0
// Describing a library where a crash or a hang costs nothing: in a child process with a deadline.
#pragma once

#include <chrono>
#include <filesystem>

#include "manifest.hpp"

namespace kvhost::registry {

constexpr std::chrono::milliseconds kDescribeDeadline{5000};

// Of all libraries that one scan must describe.
constexpr std::chrono::milliseconds kScanDeadline{10000};

// Runs `describe` (kvhost-describe) on `library`; nothing that it starts outlives the call. Throws
// Refusal with the tool's own stage and reason, "describe" and the signal that ended it, or "busy"
// where the machine may be at fault: the deadline, no process, SIGKILL.
Manifest describe_in_child(const std::filesystem::path& describe,
                           const std::filesystem::path& library,
                           std::chrono::milliseconds deadline = kDescribeDeadline);

}  // namespace kvhost::registry
