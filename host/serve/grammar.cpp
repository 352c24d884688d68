// SPDX-License-Identifier: Apache-2.0
#include "serve/grammar.hpp"

#include <algorithm>

#include "base/error.hpp"

namespace kvhost {
namespace {

// Alternatives that begin alike are read side by side; nested ones double with every level.
constexpr size_t kMostWays = 5000;

}  // namespace

int Grammar::rule() {
  rules_.emplace_back();
  return static_cast<int>(rules_.size()) - 1;
}

void Grammar::add(int rule, Sequence alternative) {
  rules_[static_cast<size_t>(rule)].push_back(std::move(alternative));
}

std::vector<bool> Grammar::empty_rules() const {
  std::vector<bool> empty(rules_.size(), false);
  for (bool changed = true; changed;) {
    changed = false;
    for (size_t i = 0; i < rules_.size(); ++i) {
      const bool now = std::any_of(rules_[i].begin(), rules_[i].end(), [&](const Sequence& one) {
        return std::all_of(one.begin(), one.end(), [&](const Element& element) {
          return element.rule >= 0 && empty[static_cast<size_t>(element.rule)];
        });
      });
      if (now && !empty[i]) empty[i] = changed = true;
    }
  }
  return empty;
}

bool Grammar::left_recursive() const {
  const std::vector<bool> empty = empty_rules();
  std::vector<std::vector<int>> first(rules_.size());  // rules that can come before any byte
  std::vector<int> n_waiting(rules_.size(), 0);
  for (size_t i = 0; i < rules_.size(); ++i)
    for (const auto& one : rules_[i])
      for (const auto& element : one) {
        if (element.rule < 0) break;
        first[i].push_back(element.rule);
        ++n_waiting[static_cast<size_t>(element.rule)];
        if (!empty[static_cast<size_t>(element.rule)]) break;
      }
  // Rules that none waits for are taken away; what is left goes round.
  std::vector<size_t> free;
  for (size_t i = 0; i < rules_.size(); ++i)
    if (n_waiting[i] == 0) free.push_back(i);
  size_t n_taken = 0;
  for (; !free.empty(); ++n_taken) {
    const size_t rule = free.back();
    free.pop_back();
    for (const int next : first[rule])
      if (--n_waiting[static_cast<size_t>(next)] == 0) free.push_back(static_cast<size_t>(next));
  }
  return n_taken < rules_.size();
}

Grammar::Element Grammar::one_of(std::string_view bytes) {
  Element element;
  for (const char c : bytes) element.bytes.set(static_cast<unsigned char>(c));
  return element;
}

Grammar::Element Grammar::range(unsigned char first, unsigned char last) {
  Element element;
  for (int byte = first; byte <= last; ++byte) element.bytes.set(static_cast<size_t>(byte));
  return element;
}

Grammar::Sequence Grammar::literal(std::string_view text) {
  Sequence out;
  for (size_t i = 0; i < text.size(); ++i) out.push_back(one_of(text.substr(i, 1)));
  return out;
}

GrammarState::GrammarState(const Grammar& grammar) : grammar_(&grammar) {
  const auto n = static_cast<int>(grammar.alternatives(grammar.root()).size());
  Stacks entered;
  for (int i = 0; i < n; ++i) settle({{grammar.root(), i, 0}}, stacks_, entered);
}

const Grammar::Sequence& GrammarState::sequence(const Place& place) const {
  return grammar_->alternatives(place.rule)[static_cast<size_t>(place.alternative)];
}

// Ends of rules are left, beginnings entered. A rule that comes last gives its place up before it
// is entered, so that repetitions do not pile up.
void GrammarState::settle(Stack stack, Stacks& out, Stacks& entered) const {
  while (!stack.empty() &&
         stack.back().element == static_cast<int>(sequence(stack.back()).size()))
    stack.pop_back();
  if (stack.empty()) {
    out.insert(std::move(stack));
    return;
  }
  if (!entered.insert(stack).second) return;
  if (entered.size() > kMostWays)
    bad_request("response_format",
                "an answer can be read in more than " + std::to_string(kMostWays) +
                    " ways at once; expected alternatives that differ in their first bytes");
  const int rule = sequence(stack.back())[static_cast<size_t>(stack.back().element)].rule;
  if (rule < 0) {
    out.insert(std::move(stack));
    return;
  }
  ++stack.back().element;
  const auto n = static_cast<int>(grammar_->alternatives(rule).size());
  for (int i = 0; i < n; ++i) {
    Stack inner = stack;
    if (inner.back().element == static_cast<int>(sequence(inner.back()).size())) inner.pop_back();
    inner.push_back({rule, i, 0});
    settle(std::move(inner), out, entered);
  }
}

GrammarState::Stacks GrammarState::after(const Stacks& stacks, unsigned char byte) const {
  Stacks out, entered;
  for (const Stack& stack : stacks) {
    if (stack.empty()) continue;
    const Place& place = stack.back();
    if (!sequence(place)[static_cast<size_t>(place.element)].bytes.test(byte)) continue;
    Stack next = stack;
    ++next.back().element;
    settle(std::move(next), out, entered);
  }
  return out;
}

bool GrammarState::accepts(std::string_view bytes) const {
  if (bytes.empty()) return false;
  Stacks stacks = after(stacks_, static_cast<unsigned char>(bytes[0]));
  for (size_t i = 1; i < bytes.size() && !stacks.empty(); ++i)
    stacks = after(stacks, static_cast<unsigned char>(bytes[i]));
  return !stacks.empty();
}

void GrammarState::take(std::string_view bytes) {
  for (const char c : bytes) stacks_ = after(stacks_, static_cast<unsigned char>(c));
}

bool GrammarState::complete() const { return stacks_.contains(Stack{}); }

bool GrammarState::over() const {
  return std::all_of(stacks_.begin(), stacks_.end(), [](const Stack& s) { return s.empty(); });
}

}  // namespace kvhost
