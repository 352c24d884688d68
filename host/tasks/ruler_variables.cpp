// SPDX-License-Identifier: Apache-2.0
// RULER's variable tracking: a value handed from variable to variable, in noise, after one solved
// example.
#include <algorithm>
#include <set>

#include "base/error.hpp"
#include "base/text.hpp"
#include "tasks/ruler_maker.hpp"

namespace kvhost::tasks {

namespace {

constexpr size_t kHops = 4;
constexpr int64_t kExampleTokens = 500;

struct Tracked {
  std::string context, value;
  Strings variables, lines;
};

std::string name(size_t n_letters, Random& random) {
  std::string out;
  for (size_t i = 0; i < n_letters; ++i) out += static_cast<char>('A' + random.below(26));
  return out;
}

Tracked tracked(size_t n_noises, size_t n_letters, Random& random) {
  Tracked out;
  std::set<std::string> used;
  while (out.variables.size() <= kHops)
    if (std::string one = name(n_letters, random); used.insert(one).second)
      out.variables.push_back(std::move(one));
  out.value = std::to_string(random.between(10000, 99998));
  out.lines.push_back("VAR " + out.variables[0] + " = " + out.value);
  for (size_t i = 1; i <= kHops; ++i)
    out.lines.push_back("VAR " + out.variables[i] + " = VAR " + out.variables[i - 1] + " ");
  Strings all(n_noises, kNoise);
  std::vector<size_t> at = random.sample(n_noises, out.lines.size());
  std::sort(at.begin(), at.end());
  for (size_t i = 0; i < at.size(); ++i)
    all.insert(all.begin() + static_cast<std::ptrdiff_t>(at[i] + i), out.lines[i]);
  out.context = join(all, "\n");
  return out;
}

void ask(Case& one, const Tracked& from) {
  one.before =
      "Memorize and track the chain(s) of variable assignment hidden in the following "
      "text.\n\n";
  one.context = from.context;
  one.after = "\n";
  one.question = "Question: Find all variables that are assigned the value " + from.value +
                 " in the text above.";
  one.answer_prefix =
      " Answer: According to the chain(s) of variable assignment in the text above, " +
      std::to_string(kHops + 1) + " variables are assigned the value " + from.value +
      ", they are: ";
}

std::string example(size_t n_noises, Random& random) {
  const Tracked from = tracked(n_noises, 3, random);
  Case one;
  ask(one, from);
  return prompt(one) + " " + join(from.variables, " ") + "\n";
}

}  // namespace

RulerMaker variable_tracking_maker(const RulerRequest& request, const CountTokens& count) {
  const Random random(request.seed, "vt/example", 0);
  const auto example_tokens = [&](size_t n) {
    Random same = random;
    return count(example(n, same));
  };
  const auto n_example = largest_fit({kHops + 1, 1000, 10}, kExampleTokens, example_tokens);
  if (!n_example)
    bad_request("RULER task vt",
                "its solved example takes more than " + std::to_string(kExampleTokens) +
                    " tokens; this tokenizer makes too many of a line");
  RulerMaker maker;
  maker.make = [n = *n_example](size_t size, Random same, int64_t) {
    const std::string solved = example(n, same);
    const Tracked from = tracked(size, 5, same);
    Case one;
    ask(one, from);
    one.before = solved + "\n" + one.before;
    one.answers = from.variables;
    one.max_new_tokens = 30;
    for (size_t i = 0; i < from.lines.size(); ++i) mark(one, from.variables[i], from.lines[i]);
    return one;
  };
  maker.sizes = {kHops + 1, size_t{1} << 40, 25};
  maker.pieces = "lines of noise";
  maker.finite = false;
  return maker;
}

}  // namespace kvhost::tasks
