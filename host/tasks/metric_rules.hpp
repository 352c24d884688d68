// SPDX-License-Identifier: Apache-2.0
// The rules behind the names in metrics.cpp, against one reference where one counts.
#pragma once

#include <string>
#include <vector>

namespace kvhost::tasks {

using Strings = std::vector<std::string>;

// token_f1.cpp
std::string normalized_answer(
    const std::string& text);  // SQuAD: lower, no punctuation, no a/an/the
double token_f1(const std::string& prediction, const std::string& reference);
double char_f1_zh(const std::string& prediction, const std::string& reference);
double exact_match(const std::string& prediction, const std::string& reference);

// rouge.cpp
double rouge_l(const std::string& prediction, const std::string& reference);

// similarity.cpp
double edit_similarity(const std::string& prediction, const std::string& reference);
double code_similarity(const std::string& prediction, const std::string& reference);

// leakage.cpp
double leaked_share(const std::string& answer, const std::string& secret);

// string_match.cpp
double string_match_all(const std::string& prediction, const Strings& references);
double string_match_part(const std::string& prediction, const Strings& references);
double any_name(const std::string& prediction, const Strings& references);

// numbers.cpp
double count_share(const std::string& prediction, const std::string& reference);
double paragraph_share(const std::string& prediction, const std::string& reference);
double first_integer(const std::string& prediction, const std::string& reference);
double first_number(const std::string& prediction, const std::string& reference);
double last_integer(const std::string& prediction, const std::string& reference);
double leading_numbers(const std::string& prediction, const Strings& references);

// choices.cpp
double classification(const std::string& prediction,
                      const std::string& reference,
                      const Strings& classes);
double word_match(const std::string& prediction, const std::string& reference);
double letter_choice(const std::string& prediction, const Strings& labels);
double code_choice(const std::string& prediction, const Strings& labels);

}  // namespace kvhost::tasks
