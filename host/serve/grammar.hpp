// SPDX-License-Identifier: Apache-2.0
// A form that an answer must have, as a context-free grammar over bytes, and how far an answer has
// come in it: all readings at once, each a stack of what is still to come.
#pragma once

#include <bitset>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kvhost {

class Grammar {
 public:
  struct Element {
    int rule = -1;            // >= 0: that rule
    std::bitset<256> bytes;   // else one of these
  };
  using Sequence = std::vector<Element>;

  // A rule without alternatives, for add(); rules may name each other, but none itself first.
  int rule();
  void add(int rule, Sequence alternative);
  void set_root(int rule) { root_ = rule; }

  // Whether some rule can come to itself again before any byte, which has no end.
  bool left_recursive() const;

  size_t n_rules() const { return rules_.size(); }
  int root() const { return root_; }
  const std::vector<Sequence>& alternatives(int rule) const {
    return rules_[static_cast<size_t>(rule)];
  }

  static Element of(int rule) { return {rule, {}}; }
  static Element one_of(std::string_view bytes);
  static Element range(unsigned char first, unsigned char last);
  static Sequence literal(std::string_view text);

 private:
  std::vector<bool> empty_rules() const;  // that can be nothing

  std::vector<std::vector<Sequence>> rules_;
  int root_ = 0;
};

// Refers to its grammar.
class GrammarState {
 public:
  explicit GrammarState(const Grammar& grammar);

  // Whether `bytes` may follow; they then have, where `take` is said.
  bool accepts(std::string_view bytes) const;
  void take(std::string_view bytes);
  bool complete() const;  // the answer may end here
  bool over() const;      // and nothing can follow

 private:
  // The rule, the alternative in it, the element that comes next; the last one is the innermost.
  struct Place {
    int rule, alternative, element;
    auto operator<=>(const Place&) const = default;
  };
  using Stack = std::vector<Place>;
  using Stacks = std::set<Stack>;

  const Grammar::Sequence& sequence(const Place& place) const;
  // Until a byte comes next, or nothing. `entered`: where it has been, by whatever way.
  void settle(Stack stack, Stacks& out, Stacks& entered) const;
  Stacks after(const Stacks& stacks, unsigned char byte) const;

  const Grammar* grammar_;
  Stacks stacks_;
};

}  // namespace kvhost
