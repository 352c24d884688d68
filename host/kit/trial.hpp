// SPDX-License-Identifier: Apache-2.0
// One check of a plugin in a process of its own, so that whatever the plugin does there is a verdict.
#pragma once

#include <chrono>
#include <functional>
#include <string>

namespace kvhost {

enum class Outcome { Pass, Warn, Fail, Skip };
const char* outcome_name(Outcome outcome);  // "PASS", ...

struct Verdict {
  Outcome outcome = Outcome::Pass;
  std::string reason;  // one line; "" where it passes
};

inline Verdict failed(std::string reason) { return {Outcome::Fail, std::move(reason)}; }

// The verdict of `check`, which runs in a child of this process and may be ended by a signal, by
// exit(), or by `deadline`; what it throws is a failure. What the child prints is dropped.
Verdict try_in_child(const std::function<Verdict()>& check, std::chrono::milliseconds deadline);

}  // namespace kvhost
