// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/jinja/template.hpp"

#include "base/error.hpp"
#include "tokenizer/jinja/ast.hpp"
#include "tokenizer/jinja/failure.hpp"
#include "tokenizer/jinja/parser.hpp"
#include "tokenizer/utf8.hpp"

namespace kvhost::jinja {

struct Template::Code {
  std::string name;
  Body body;
};

namespace {

constexpr size_t kMaxSource = size_t{1} << 20;

std::string place(const std::string& name, int line) {
  return name + ", line " + std::to_string(line);
}

}  // namespace

Template Template::parse(const std::string& source, const std::string& name) {
  if (source.size() > kMaxSource)
    cannot_load(
        name,
        "a chat template of " + std::to_string(source.size()) + " bytes; expected at most 1 MiB");
  if (const size_t at = utf8::find_invalid(source); at != std::string::npos)
    cannot_load(name, "not UTF-8 at byte " + std::to_string(at) + "; expected UTF-8");
  try {
    Parser parser(tokenize(source));
    return Template(std::make_shared<const Code>(Code{name, parser.parse()}));
  } catch (const SyntaxFailure& failure) {
    cannot_load(place(name, failure.line), failure.what);
  } catch (const Failure& failure) {  // of a constant
    cannot_load(name, failure.what());
  }
}

std::string Template::render(const Dict& variables, const Clock& clock, uint64_t max_steps) const {
  Runtime runtime(max_steps + 200 * variables.weight(), clock);
  for (const auto& [key, value] : variables.entries()) runtime.scope().set(key.as_text(), value);
  try {
    run(code_->body, runtime);
    return runtime.take_output();
  } catch (const Failure& failure) {
    throw Error(failure.raised_by_template ? ExitCode::BadRequest : ExitCode::CannotLoad,
                place(code_->name, runtime.line()),
                failure.what());
  }
}

}  // namespace kvhost::jinja
