// SPDX-License-Identifier: Apache-2.0
// A document that questions are asked about: read and compressed once, or taken from a saved cache.
#pragma once

#include "input/conversation.hpp"
#include "cli/job.hpp"

namespace kvhost {

struct Document {
  std::vector<int32_t> tokens;  // to be read; empty when they come with a saved cache
  Conversation conversation;
  std::string title;   // where it came from
  std::string expect;  // of a bundled one: what its own question asks for, or ""
  std::string question;
};

// The document that the prompt flags name (text on standard input where none does), put as the
// model's chat template would. `job` was made by prepare_model(). `chat`: see Conversation.
Document read_document(const Job& job, const RunOptions& options, std::optional<bool> chat);

// The same for a talk, which needs no document: where none is named and the model brings no prompts
// of its own it begins with the first question, if there is a template to put it.
Document read_talk(const Job& job, const RunOptions& options, std::optional<bool> chat);

// Reads the document by `policy`, or loads the saved cache.
Sequence open_document(const Job& job,
                       const RunOptions& options,
                       Document& document,
                       const Policy& policy,
                       const JobCallbacks& callbacks,
                       std::string_view phase = "reading");

// Saved beside a cache, so that a conversation goes on from it.
std::map<std::string, std::string> document_facts(const Conversation& conversation);

}  // namespace kvhost
