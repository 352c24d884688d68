// SPDX-License-Identifier: Apache-2.0
// One document, many questions: each starts from the document as it was compressed.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "cli/job.hpp"

namespace kvhost {

struct Question {
  std::string text;
  std::vector<int32_t> tokens;  // instead of a text, used as they are
  std::optional<std::string> expect;
};

struct AskOptions {
  RunOptions run;
  std::vector<std::string> questions, expects;  // as many expects as questions, or none
  std::filesystem::path questions_file;         // a JSON object a line
  bool question_aware = false;                  // compress again for each with it in sight
  std::optional<bool> chat;
};

// One reading of a text: what it cost, and what was kept of it.
struct Reading {
  double prefill_ms = 0;  // 0 from a saved cache
  BudgetReport budget;
  MemoryUse memory;
  std::vector<LayerReport> layers;
};

struct AskAnswer {
  Question question;
  Generation generation;
  int64_t n_question_tokens = 0;
  std::optional<Reading> reading;  // of document and question, with --question-aware
  std::optional<Generation> full;  // the same on the full cache
  bool right() const {
    return !question.expect || generation.text.find(*question.expect) != std::string::npos;
  }
};

struct AskReport {
  int64_t n_tokens = 0;  // of the document
  std::string title, press;
  std::vector<PluginFacts> plugins;
  std::optional<Reading> reading;  // of the document; none with --question-aware
  bool question_aware = false;
  std::vector<AskAnswer> answers;
  std::vector<std::string> warnings;
  std::string json() const;  // docs/contract.md, `kvhost ask`
};

struct AskCallbacks {
  JobCallbacks job;
  std::function<void(const AskReport&)> on_document;  // it was read (or will be, with each question)
  std::function<void(const Question&)> on_question;   // its answer follows
  std::function<void(const AskAnswer&, const AskReport&)> on_answer;  // it is complete
};

std::vector<Question> read_questions(const AskOptions& options, int64_t vocab_size);
AskReport ask(const AskOptions& options, const AskCallbacks& callbacks);

}  // namespace kvhost
