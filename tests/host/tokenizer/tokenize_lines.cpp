// SPDX-License-Identifier: Apache-2.0
// Encodes a file line by line for comparison with another implementation: one JSON object per line
// of the file,
// {"ids": [...], "back": true} where "back" says that the ids, all at once and one by one, decode
// to the normalised line. With --whole the file is one text; with --json it is a JSON list of
// texts, one object per text.
//
// tokenize_lines TOKENIZER FILE [--whole|--json] [--text] [--time]
//   --text adds the decoded text, --time prints encoding speed to stderr and no ids
#include <chrono>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "base/error.hpp"
#include "base/json_file.hpp"
#include "tokenizer/tokenizer.hpp"

namespace {

std::vector<std::string> read_texts(const std::string& path, const std::set<std::string>& flags) {
  if (flags.count("--json"))
    return kvhost::read_json(path, kvhost::ExitCode::BadRequest).get<std::vector<std::string>>();
  const std::string all = kvhost::read_file(path, kvhost::ExitCode::BadRequest);
  if (flags.count("--whole")) return {all};
  std::vector<std::string> lines;
  std::istringstream in(all);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

bool comes_back(const kvhost::Tokenizer& tokenizer, const std::string& text) {
  const auto ids = tokenizer.encode(text, /*add_special=*/false);
  kvhost::StreamDecoder stream(tokenizer, /*skip_special=*/false);
  std::string streamed;
  for (const int32_t id : ids) streamed += stream.push(id);
  streamed += stream.flush();
  const std::string decoded = tokenizer.decode(ids, /*skip_special=*/false);
  return decoded == streamed && decoded == tokenizer.normalize(text);
}

double seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

int run(const std::vector<std::string>& args, const std::set<std::string>& flags) {
  const double start = seconds();
  const auto tokenizer = kvhost::Tokenizer::load(args.at(0));
  const double loaded = seconds();
  const auto texts = read_texts(args.at(1), flags);
  if (flags.count("--time")) {
    size_t bytes = 0, tokens = 0;
    const double before = seconds();
    for (const auto& t : texts) bytes += t.size(), tokens += tokenizer.encode(t).size();
    std::cerr << "load_s " << loaded - start << " bytes " << bytes << " tokens " << tokens
              << " encode_s " << seconds() - before << '\n';
    return 0;
  }
  for (const auto& t : texts) {
    const auto ids = tokenizer.encode(t);
    nlohmann::json line = {{"ids", ids}, {"back", comes_back(tokenizer, t)}};
    if (flags.count("--text")) line["text"] = tokenizer.decode(ids, /*skip_special=*/true);
    std::cout << line.dump() << '\n';
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> args;
  std::set<std::string> flags;
  for (int i = 1; i < argc; ++i) {
    const std::string arg = argv[i];
    if (arg.starts_with("--")) {
      flags.insert(arg);
    } else {
      args.push_back(arg);
    }
  }
  if (args.size() != 2) {
    std::cerr << "usage: tokenize_lines TOKENIZER FILE [--whole|--json] [--text] [--time]\n";
    return 2;
  }
  try {
    return run(args, flags);
  } catch (const kvhost::Error& e) {
    std::cerr << e.what() << '\n';
    return static_cast<int>(e.code());
  }
}
