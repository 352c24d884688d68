// SPDX-License-Identifier: Apache-2.0
// One nesting of methods, checked from the outermost inwards.
#pragma once

#include "spec/composition.hpp"
#include "spec/spec.hpp"

namespace kvhost {

class Composer {
 public:
  Composer(const registry::Catalog& catalog, const AliasTable& aliases, uint32_t phase_flag)
      : catalog_(catalog), aliases_(aliases), phase_flag_(phase_flag) {}

  StageSpec compose(const Spec& outermost) const;

 private:
  Node check(const Spec& spec) const;
  // Puts inside a scorer or wrapper what `spec` has there. `giver`: whose default scorer it is when
  // nothing was written; `parts`: the wrapper around it that scores parts of a layer; null: none.
  void fill(Node& node, const Spec& spec, const Node* giver, const Node* parts) const;
  // The default scorer of `giver`, the innermost method that has one (null: nobody has), which was
  // left out of `spec`.
  Spec default_scorer(const Spec& spec, const Node& node, const Node* giver) const;

  [[noreturn]] void refuse_unknown(const Spec& spec) const;
  [[noreturn]] void refuse_incomplete(const Spec& spec, const Node& node) const;
  const registry::ScanFailure* refused_library(const std::string& method) const;  // null: none
  std::string example_scorer() const;  // "" when there is none

  const registry::Catalog& catalog_;
  const AliasTable& aliases_;
  uint32_t phase_flag_;
};

}  // namespace kvhost
