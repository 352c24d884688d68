// SPDX-License-Identifier: Apache-2.0
// Questions about a document as the model's chat template would put them, cut where the question
// begins: what comes before is read once, what follows again for every question. A model without a
// template reads the question right behind the document.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/model.hpp"
#include "tokenizer/chat_template.hpp"

namespace kvhost {

// One message of a user, ready for an answer. Throws Error when the model has no template.
std::vector<int32_t> encode_message(const Model& model,
                                    const std::optional<std::string>& system,
                                    const std::string& text);

class Conversation {
 public:
  // `chat`: false, or true (Error without a template), or none: where there is a template.
  Conversation(const Model& model, std::optional<bool> chat, std::optional<std::string> system);

  bool has_template() const { return template_.has_value(); }

  // What is read once, up to where the first question begins.
  std::vector<int32_t> document(const std::string& text, bool add_special);
  // The same for a talk about nothing in particular; for models with a template.
  std::vector<int32_t> beginning();

  // What a saved cache must hold so that the conversation goes on from it, and back.
  std::string state() const;  // JSON text
  void restore(const std::string& state, const std::string& where);

  // The first question about the document, up to where the answer begins.
  std::vector<int32_t> first_question(const std::string& question) const;

  // Everything behind the document, up to where the next answer begins: turns of user and
  // assistant, the last one a user's.
  std::vector<int32_t> after_document(const std::vector<ChatMessage>& turns) const;

  // The next turn: the question after all turns so far. Says whether the turns so far are in front
  // of it as they were read and answered; if not, `tokens` is the whole conversation anew.
  struct Turn {
    std::vector<int32_t> tokens;
    bool continues = true;
  };
  Turn next_question(const std::string& question) const;
  void answered(const std::string& question, const std::string& answer);
  void reset() { turns_.clear(); }
  size_t n_turns() const { return turns_.size() / 2; }

 private:
  std::string render(const std::vector<ChatMessage>& turns, const std::string& document) const;
  // Rendered text up to the first question about `document`.
  std::string before_question(const std::string& document) const;

  Model model_;
  std::optional<ChatTemplate> template_;
  std::optional<std::string> system_;
  bool has_document_ = false;
  bool begun_ = false;  // what stands before the first question has been read
  std::vector<ChatMessage> turns_;  // user, assistant, ...
};

}  // namespace kvhost
