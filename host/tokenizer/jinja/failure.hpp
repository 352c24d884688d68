// SPDX-License-Identifier: Apache-2.0
// What ends the parsing or rendering of a template. Caught by Template, which adds name and line.
#pragma once

#include <stdexcept>
#include <string>

namespace kvhost::jinja {

struct Failure : std::runtime_error {
  explicit Failure(const std::string& what, bool raised = false)
      : std::runtime_error(what), raised_by_template(raised) {}

  bool raised_by_template;  // raise_exception(): the template refuses the conversation
};

[[noreturn]] inline void fail(const std::string& what) { throw Failure(what); }

}  // namespace kvhost::jinja
