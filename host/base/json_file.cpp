// SPDX-License-Identifier: Apache-2.0
#include "base/json_file.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/file_kind.hpp"
#include "base/json_tree.hpp"
#include "base/text.hpp"

namespace kvhost {

namespace {

// "line 3, column 7" of a byte offset.
std::string line_and_column(std::string_view text, size_t byte) {
  const size_t end = std::min(byte, text.size());
  const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<ptrdiff_t>(end), '\n');
  const size_t start = end == 0 ? std::string_view::npos : text.rfind('\n', end - 1);
  const size_t column = start == std::string_view::npos ? end : end - start - 1;
  return "line " + std::to_string(line) + ", column " + std::to_string(std::max<size_t>(column, 1));
}

std::string between(const std::string& text, const std::string& after, const std::string& before) {
  const size_t at = text.find(after);
  if (at == std::string::npos) return "";
  const size_t begin = at + after.size();
  return text.substr(begin, before.empty() ? std::string::npos : text.find(before, begin) - begin);
}

// What the parser says, "... syntax error while parsing value - unexpected end of input; expected
// '[', '{', or a literal" or "... - invalid literal; last read: '{x'", in the words of this program.
std::string syntax_problem(std::string_view text, size_t byte, const nlohmann::json::exception& e) {
  const std::string what = e.what(), at = " at " + line_and_column(text, byte);
  if (e.id == 406)
    return "not valid JSON" + at + ": found the number " +
           quoted(between(what, "parsing '", "'")) + "; expected one below 1.8e308";
  const std::string problem = between(what, " - ", "; "), expected = between(what, "; expected ", "");
  const std::string last = between(what, "last read: '", "");
  const std::string near = last.empty() ? "" : " near " + quoted(last.substr(0, last.rfind('\'')));
  return "not valid JSON" + at + ": " + (problem.empty() ? "a syntax error" : printable(problem)) +
         near + "; expected " + (expected.empty() ? "JSON, in UTF-8" : printable(expected));
}

}  // namespace

nlohmann::json read_json(const std::filesystem::path& path, ExitCode code, RepeatedKeys repeated) {
  return parse_json(read_file(path, code, kMostJsonBytes), path.string(), code, repeated);
}

nlohmann::json parse_json(std::string_view text,
                          const std::string& name,
                          ExitCode code,
                          RepeatedKeys repeated) {
  JsonTree tree(
      repeated,
      [&](const std::string& problem) { throw Error(code, name, problem); },
      [&](size_t byte, const nlohmann::json::exception& e) {
        const std::string mistaken = mistaken_file(text, "JSON");
        throw Error(code, name, mistaken.empty() ? syntax_problem(text, byte, e) : mistaken);
      });
  nlohmann::json::sax_parse(text.begin(), text.end(), &tree);
  return tree.take();
}

std::string json_text(const nlohmann::json& value, int indent) {
  return value.dump(indent, ' ', false, nlohmann::json::error_handler_t::replace);
}

void write_json(const std::filesystem::path& path, const nlohmann::json& value) {
  write_file(path, [&](std::ostream& out) { out << json_text(value, 2) << '\n'; });
}

}  // namespace kvhost
