// SPDX-License-Identifier: Apache-2.0
// Questions about texts, answered over a compressed cache and scored.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/generate.hpp"
#include "eval/diagnosis.hpp"
#include "eval/likelihood.hpp"
#include "input/conversation.hpp"
#include "tasks/case.hpp"

namespace kvhost::eval {

// What an answer is worth, as measurements.
using Scoring = std::function<Figures(const std::string& answer)>;

// One question of a text: its words, the room for its answer, and how that is scored.
struct Ask {
  std::string id;
  std::string question, answer_prefix;
  int64_t max_new_tokens = 0;
  Scoring score;
  Marks marks;           // where to look for what the answer hangs on
  std::string expected;  // an answer; "": not known
};

Ask ask_of(const tasks::Case& one);

// One text and its questions, asked over any number of policies.
class TextAsker {
 public:
  // `chat` as Conversation has it.
  TextAsker(const Model& model, std::string text, std::optional<bool> chat);

  int64_t n_tokens() const { return static_cast<int64_t>(document_.size()); }
  const std::vector<int32_t>& tokens() const { return document_; }

  // Tokens of the text, this question and the room for its answer.
  int64_t n_needed(const Ask& one) const;
  // Throws Error where the text, this question and the room for its answer are more than the model
  // was made for. What came before in a conversation is not counted.
  void check_fits(const Ask& one) const;

  // The text with this question behind it.
  std::vector<int32_t> tokens_with(const Ask& one) const;

  // `read` stands right behind the text, which was compressed alone; each question is asked on a
  // fork of it, or one after the other where `conversation`. `done` is called with each one's
  // figures. `diagnosis`: of this text, or null for none.
  using Done = std::function<void(size_t index, Figures figures)>;
  void ask(const Sequence& read,
           bool conversation,
           std::span<const Ask> asks,
           Diagnosis* diagnosis,
           const Done& done) const;

  // `read` stands right behind the text and its question, which was in sight of what compressed
  // them.
  Figures ask_aware(Sequence read, const Ask& one, Diagnosis* diagnosis) const;

  // One question, for looking at what was kept: the sequence right behind its compression, and what
  // the model said.
  struct Told {
    Sequence read;
    std::string answer;
  };
  Told tell(const Policy& policy, uint64_t seed, const Ask& one, bool question_aware) const;

 private:
  void diagnose(Diagnosis* diagnosis, const Sequence& read, const Ask& one, Figures& out) const;
  std::vector<int32_t> question_tokens(const Conversation& conversation, const Ask& one) const;

  const Model& model_;
  Conversation conversation_;
  std::vector<int32_t> document_;
};

}  // namespace kvhost::eval
