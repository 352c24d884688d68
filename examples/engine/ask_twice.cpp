// SPDX-License-Identifier: Apache-2.0
// Reads a text once, keeps a quarter of its cache, asks it several questions.
//   ask_twice MODEL_FOLDER TEXT_FILE QUESTION...
#include <fstream>
#include <iostream>
#include <iterator>
#include <kvhost/engine.hpp>

int main(int argc, char** argv) try {
  if (argc < 4) throw std::runtime_error("usage: ask_twice MODEL_FOLDER TEXT_FILE QUESTION...");
  std::ifstream file(argv[2]);
  const std::string text{std::istreambuf_iterator<char>(file), {}};

  const kvhost::Engine engine;
  const kvhost::Model model = engine.open({argv[1]});
  kvhost::PolicyOptions options;
  options.press = {kvhost::PressSource::Form::Text, "adakv:snapkv"};
  options.keep_ratio = 0.25;
  const kvhost::Policy policy = engine.policy(model, options);

  kvhost::Sequence book(model, policy);
  book.prefill(model.encode(text));
  std::cout << book.tokens().size() << " tokens; " << book.memory().cache_bytes_full << " -> "
            << book.bytes_kept() << " bytes\n";
  for (int i = 3; i < argc; ++i) {
    kvhost::Sequence question = book.fork();
    question.append(model.encode(argv[i], /*add_special=*/false));
    std::cout << argv[i] << kvhost::generate(question, {.max_new_tokens = 16}).text << '\n';
  }
} catch (const std::exception& e) {
  std::cerr << e.what() << '\n';
  return 1;
}
