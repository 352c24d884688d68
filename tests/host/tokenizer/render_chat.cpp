// SPDX-License-Identifier: Apache-2.0
// Not a test: what tests/oracle/chat_template_compare.py asks. Reads one JSON object a line, with
// template, tokens and a case of conversations.json; prints {"text": ...} or {"error": ...}. With
// "jinja" in place of "template": a bare template and its variables.
#include <iostream>
#include <nlohmann/json.hpp>

#include "golden_chat.hpp"

int main() {
  for (std::string line; std::getline(std::cin, line);) {
    const auto job = nlohmann::ordered_json::parse(line);
    std::cout
        << (job.contains("jinja") ? golden::render_jinja(job) : golden::render_chat(job)).dump()
        << std::endl;
  }
}
