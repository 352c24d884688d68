// SPDX-License-Identifier: Apache-2.0
// A template of the subset of Jinja2 that chat templates use, rendered as transformers does it: its
// sandbox, its tojson, trim_blocks and lstrip_blocks. Debian 12 carries no library for this: Inja
// and Jinja2C++ are not packaged, and neither knows namespaces, Python's methods and its printing.
#pragma once

#include <memory>
#include <string>

#include "tokenizer/jinja/runtime.hpp"

namespace kvhost::jinja {

// Immutable; copies share. Concurrent renderings are allowed.
class Template {
 public:
  // `name` is what messages call the template. Throws kvhost::Error(CannotLoad) with name and line.
  static Template parse(const std::string& source, const std::string& name);

  // Throws kvhost::Error with name, line and cause: BadRequest where the template itself refuses
  // (raise_exception), CannotLoad otherwise. Work is bounded by `max_steps` and the size of the
  // variables.
  std::string render(const Dict& variables,
                     const Clock& clock,
                     uint64_t max_steps = 20'000'000) const;

 private:
  struct Code;
  explicit Template(std::shared_ptr<const Code> code) : code_(std::move(code)) {}

  std::shared_ptr<const Code> code_;
};

}  // namespace kvhost::jinja
