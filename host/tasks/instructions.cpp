// SPDX-License-Identifier: Apache-2.0
#include "tasks/instructions.hpp"

#include <algorithm>
#include <limits>
#include <set>

#include "base/error.hpp"
#include "tasks/random.hpp"

namespace kvhost::tasks {

namespace {

// Draws instructions that can all be followed by one text.
class Drawer {
 public:
  Drawer(const Strings& words, Random& random) : random_(&random) {
    for (const size_t i : random.sample(words.size(), words.size())) words_.push_back(words[i]);
  }

  // Kinds that come once at most, of opposites one, and words, all different.
  std::vector<Instruction> draw(size_t n) {
    std::vector<Instruction> out = singles(n);
    random_->shuffle(out);
    // At least half of them name words: these can be many, and do not depend on each other.
    if (out.size() > n / 2) out.resize(n / 2);
    while (out.size() < n) out.push_back(about_word());
    random_->shuffle(out);
    return out;
  }

 private:
  std::string word() {
    std::string out = words_.back();
    words_.pop_back();
    return out;
  }
  int64_t number(int64_t low, int64_t high) { return random_->between(low, high); }

  Instruction about_word() {
    const std::string name = word();
    const uint64_t kind = random_->below(3);
    if (kind == 0) return {"keyword", "Use the word \"" + name + "\".", {name}, 0};
    if (kind == 1) return {"forbidden_word", "Do not use the word \"" + name + "\".", {name}, 0};
    const int64_t n = number(2, 3);
    return {"keyword_count",
            "Use the word \"" + name + "\" at least " + std::to_string(n) + " times.",
            {name},
            n};
  }

  Instruction length(size_t n_instructions) {
    const bool least = random_->below(2) == 0;
    // Every instruction's words must find room under the upper bound.
    const int64_t n =
        least ? 10 * number(3, 8) : 10 * number(12, 20) + 5 * static_cast<int64_t>(n_instructions);
    return {least ? "min_words" : "max_words",
            std::string("Write at ") + (least ? "least " : "most ") + std::to_string(n) + " words.",
            {},
            n};
  }

  Instruction letter_case() {
    if (random_->below(2) == 0)
      return {"lower_case", "Write in lower case letters only; no capital letters.", {}, 0};
    return {"upper_case", "Write in capital letters only.", {}, 0};
  }

  Instruction counted(const std::string& kind,
                      const std::string& before,
                      const std::string& after) {
    const int64_t n = number(2, 4);
    return {kind, before + std::to_string(n) + after, {}, n};
  }

  std::vector<Instruction> singles(size_t n_instructions) {
    const std::string first = word(), last = word();
    return {
        length(n_instructions),
        letter_case(),
        counted(
            "bullets", "Include exactly ", " bullet points, each a line that begins with \"* \"."),
        {"title", "Give a title in double angle brackets, such as <<my title>>.", {}, 0},
        counted("placeholders",
                "Include at least ",
                " placeholders in square brackets, such as [name]."),
        counted("paragraphs",
                "Write exactly ",
                " paragraphs, parted by a line with three asterisks: ***"),
        {"no_comma", "Do not use any commas.", {}, 0},
        {"postscript", "Add a postscript that begins with \"P.S.\"", {}, 0},
        {"starts_with", "Begin with the word \"" + first + "\".", {first}, 0},
        {"ends_with", "End with the word \"" + last + "\" and nothing after it.", {last}, 0},
    };
  }

  Strings words_;  // shuffled; taken from the end
  Random* random_;
};

InstructionCase instruction_case(const InstructionRequest& request, int64_t index) {
  Random random(request.seed,
                "instructions/" + std::to_string(request.n_instructions),
                static_cast<uint64_t>(index));
  InstructionCase out;
  out.instructions =
      Drawer(request.words, random).draw(static_cast<size_t>(request.n_instructions));
  Case& one = out.asked;
  one.id = "instructions_" + std::to_string(request.n_instructions) + "/" + std::to_string(index);
  one.task = "instructions";
  one.before = "Below are " + std::to_string(request.n_instructions) +
               " instructions. Follow all of them in what you write.\n\n";
  for (size_t i = 0; i < out.instructions.size(); ++i) {
    const std::string line = std::to_string(i + 1) + ". " + out.instructions[i].text;
    const size_t begin = one.before.size() + one.context.size();
    one.spans.push_back({out.instructions[i].kind, begin, begin + line.size()});
    one.context += line + "\n";
  }
  one.after = "\n";
  one.question = "Write a text about " + random.choice(request.topics) +
                 " that follows every instruction above. Write only the text.";
  one.answer_prefix = "\n\n";
  one.metric = "";
  one.max_new_tokens = request.max_new_tokens;
  return out;
}

}  // namespace

std::vector<InstructionCase> instruction_cases(const InstructionRequest& request) {
  if (request.n_instructions < 1 || request.topics.empty())
    bad_request("instructions", "expected one instruction and one topic at least");
  const std::set<std::string> different(request.words.begin(), request.words.end());
  const auto needed = static_cast<size_t>(request.n_instructions) + 2;
  if (different.size() != request.words.size() || different.size() < needed)
    bad_request("instructions",
                std::to_string(different.size()) + " different words of " +
                    std::to_string(request.words.size()) + " are given; expected " +
                    std::to_string(needed) + " or more, none twice");
  std::vector<InstructionCase> out;
  for (int64_t i = 0; i < request.n_cases; ++i) out.push_back(instruction_case(request, i));
  return out;
}

double followed_share(const std::vector<bool>& followed) {
  if (followed.empty()) return std::numeric_limits<double>::quiet_NaN();
  return static_cast<double>(std::count(followed.begin(), followed.end(), true)) /
         static_cast<double>(followed.size());
}

std::vector<double> followed_by_position(const std::vector<std::vector<bool>>& cases,
                                         int64_t n_parts) {
  std::vector<std::vector<bool>> parts(static_cast<size_t>(std::max<int64_t>(0, n_parts)));
  for (const auto& one : cases)
    for (size_t i = 0; i < one.size() && !parts.empty(); ++i)
      parts[i * parts.size() / one.size()].push_back(one[i]);
  std::vector<double> out;
  for (const auto& part : parts) out.push_back(followed_share(part));
  return out;
}

}  // namespace kvhost::tasks
