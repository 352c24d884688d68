// SPDX-License-Identifier: Apache-2.0
// What the tests of tasks are made of: two chapters of a book, a few questions, words as tokens.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "base/json_file.hpp"
#include "tasks/python_text.hpp"
#include "tasks/ruler.hpp"
#include "temp_folder.hpp"

namespace kvhost::testing {

inline const std::string kBook = KVHOST_SOURCE_DIR "/bench/texts/alice_1_2.txt";

inline int64_t count_words(std::string_view text) {
  return static_cast<int64_t>(tasks::words(text).size());
}

inline nlohmann::json squad() {
  nlohmann::json articles = nlohmann::json::array();
  for (int a = 0; a < 10; ++a) {
    nlohmann::json paragraphs = nlohmann::json::array();
    for (int p = 0; p < 6; ++p) {
      const std::string name = "a" + std::to_string(a) + "p" + std::to_string(p);
      std::string context = "The town of " + name + " lies in the valley.";
      for (int i = 0; i < 20; ++i) context += " It has " + std::to_string(i) + " houses more.";
      paragraphs.push_back(
          {{"context", context},
           {"qas",
            {{{"question", "What lies in the valley, of " + name + "?"},
              {"is_impossible", false},
              {"answers", {{{"text", "The town of " + name}}, {{"text", name}}}}},
             {{"question", "?"}, {"is_impossible", true}, {"answers", nlohmann::json::array()}}}}});
    }
    articles.push_back({{"title", "t"}, {"paragraphs", paragraphs}});
  }
  return {{"version", "v2.0"}, {"data", articles}};
}

inline nlohmann::json hotpotqa() {
  nlohmann::json out = nlohmann::json::array();
  for (int q = 0; q < 8; ++q) {
    nlohmann::json context = nlohmann::json::array();
    for (int d = 0; d < 10; ++d)
      context.push_back({"Title " + std::to_string(q) + "." + std::to_string(d),
                         {"First sentence.", " Second sentence of it."}});
    out.push_back({{"question", "Which is number " + std::to_string(q) + "?"},
                   {"answer", "Title " + std::to_string(q) + ".3"},
                   {"context", context}});
  }
  return out;
}

inline tasks::RulerData ruler_data(const std::string& task) {
  const test::TempFolder folder;
  tasks::RulerFiles files;
  files.haystack = kBook;
  files.squad = folder.write("squad.json", squad().dump());
  files.hotpotqa = folder.write("hotpotqa.json", hotpotqa().dump());
  tasks::RulerData data = tasks::read_ruler_data(task, files);
  if (task == "cwe") {  // two chapters hold too few
    data.words.clear();
    for (char a = 'a'; a < 'u'; ++a)
      for (char b = 'a'; b < 'u'; ++b)
        for (char c = 'a'; c < 'f'; ++c) data.words.push_back({'q', a, b, c, 'u', 'm'});
  }
  return data;
}

}  // namespace kvhost::testing
