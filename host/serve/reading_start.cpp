// SPDX-License-Identifier: Apache-2.0
#include "serve/reading_start.hpp"

#include "serve/refusal.hpp"

namespace kvhost {
namespace {

Sequence anew(const Reading& reading, const Model& model) {
  SequenceOptions options;
  options.method_seed = reading.task.method_seed;
  return Sequence(model, reading.task.policy, options);
}

Sequence behind_document(Reading& reading, Shelf& shelf, int64_t context) {
  const Task& task = reading.task;
  const StoredDocument& document = shelf.document(task.document);
  reading.n_cached = std::ssize(document.sequence.tokens());
  const int64_t n = reading.n_cached + std::ssize(task.tokens);
  if (context > 0 && n > context)
    refuse(400,
           "document: has " + std::to_string(n) + " tokens with the question; expected at most " +
               std::to_string(context) + ", the context of this server",
           "document");
  reading.promise.change(task.cache_bytes + task.n_choices * document.sequence.bytes_kept());
  return document.sequence.fork();
}

Sequence behind_earlier(Reading& reading, const Model& model, Shelf& shelf) {
  const Task& task = reading.task;
  std::optional<Sequence> begun;
  if (task.reuse) begun = shelf.begin_with(task.policy_key, task.tokens, !task.extend);
  reading.n_cached = begun ? std::ssize(begun->tokens()) : 0;
  reading.parts.clear();
  if (reading.n_cached < std::ssize(task.tokens))
    reading.parts.emplace_back(task.tokens.begin() + reading.n_cached, task.tokens.end());
  return begun ? std::move(*begun) : anew(reading, model);
}

}  // namespace

void prepare_reading(Reading& reading, const Model& model, Shelf& shelf, int64_t context) {
  const Task& task = reading.task;
  reading.parts = {task.tokens};
  if (!task.document.empty()) {
    reading.start = [&reading, &shelf, context] {
      return behind_document(reading, shelf, context);
    };
  } else if (task.score_prompt) {
    const auto cut = task.tokens.begin() + task.n_context;
    reading.parts = {{task.tokens.begin(), cut}};
    if (cut != task.tokens.end()) reading.parts.emplace_back(cut, task.tokens.end());
    reading.start = [&reading, &model] { return anew(reading, model); };
  } else {
    reading.start = [&reading, &model, &shelf] { return behind_earlier(reading, model, shelf); };
  }
}

}  // namespace kvhost
