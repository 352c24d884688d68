// SPDX-License-Identifier: Apache-2.0
// Describing a library where a crash or a hang costs nothing: in a child process with a deadline.
#pragma once

#include <chrono>
#include <filesystem>

#include "manifest.hpp"

namespace kvhost::registry {

constexpr std::chrono::milliseconds kDescribeDeadline{5000};

// Runs `describe` (kvhost-describe) on `library`. Throws Refusal with the tool's own stage and
// reason, or "describe" and the signal or the deadline that ended it.
Manifest describe_in_child(const std::filesystem::path& describe,
                           const std::filesystem::path& library,
                           std::chrono::milliseconds deadline = kDescribeDeadline);

}  // namespace kvhost::registry
