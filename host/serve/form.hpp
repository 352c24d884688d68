// SPDX-License-Identifier: Apache-2.0
// An answer held to a form: tokens that do not fit cannot be chosen.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/model.hpp"
#include "serve/grammar.hpp"

namespace kvhost {

// Shared by the answers of a request.
struct Form {
  Grammar grammar;
  std::shared_ptr<const std::vector<std::string>> token_bytes;  // of every token; "" for special ones
};

class FormState {
 public:
  explicit FormState(std::shared_ptr<const Form> form)
      : form_(std::move(form)), state_(form_->grammar) {}

  // -infinity for what does not fit. Of the others at least the likeliest stays as it is; those
  // that are far from it are not looked at and go too. Throws Error where nothing fits.
  void restrict(const Model& model, std::vector<float>& logits) const;
  void take(int32_t token) { state_.take(bytes_of(token)); }
  bool over() const { return state_.over(); }

 private:
  const std::string& bytes_of(int32_t token) const;
  bool fits(const Model& model, int32_t token) const;

  std::shared_ptr<const Form> form_;
  GrammarState state_;
};

}  // namespace kvhost
