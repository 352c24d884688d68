// SPDX-License-Identifier: Apache-2.0
#include "serve/reading_start.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "serve/refusal.hpp"

namespace kvhost {
namespace {

Sequence anew(const Reading& reading) {
  SequenceOptions options;
  options.method_seed = reading.task.method_seed;
  return Sequence(reading.task.model, reading.task.policy, options);
}

Sequence behind_document(Reading& reading, Shelf& shelf) {
  const Task& task = reading.task;
  const StoredDocument& document = shelf.use(task.document);
  if (document.model != task.model_name)
    refuse(400,
           "document: was read by the model " + kvhost::quoted(document.model) +
               "; expected a request for it, not for " + kvhost::quoted(task.model_name),
           "document");
  reading.n_cached = std::ssize(document.sequence.tokens());
  const int64_t n = reading.n_cached + std::ssize(task.tokens);
  if (task.context > 0 && n > task.context)
    refuse(400,
           "document: has " + std::to_string(n) + " tokens with the question; expected at most " +
               std::to_string(task.context) + ", the context of this server",
           "document");
  const int64_t n_copies = std::max(1, task.n_choices);
  reading.promise.change(task.cache_bytes + n_copies * document.sequence.bytes_kept());
  return document.sequence.fork();
}

Sequence behind_earlier(Reading& reading, Shelf& shelf) {
  const Task& task = reading.task;
  std::optional<Sequence> begun;
  if (task.reuse) begun = shelf.begin_with(task.policy_key, task.tokens, !task.extend);
  reading.n_cached = begun ? std::ssize(begun->tokens()) : 0;
  reading.parts.clear();
  if (reading.n_cached < std::ssize(task.tokens))
    reading.parts.emplace_back(task.tokens.begin() + reading.n_cached, task.tokens.end());
  return begun ? std::move(*begun) : anew(reading);
}

}  // namespace

void prepare_reading(Reading& reading, Shelf& shelf) {
  const Task& task = reading.task;
  reading.parts = {task.tokens};
  if (!task.document.empty()) {
    reading.start = [&reading, &shelf] { return behind_document(reading, shelf); };
  } else if (task.score_prompt) {
    const auto cut = task.tokens.begin() + task.n_context;
    reading.parts = {{task.tokens.begin(), cut}};
    if (cut != task.tokens.end()) reading.parts.emplace_back(cut, task.tokens.end());
    reading.start = [&reading] { return anew(reading); };
  } else {
    reading.start = [&reading, &shelf] { return behind_earlier(reading, shelf); };
  }
}

}  // namespace kvhost
