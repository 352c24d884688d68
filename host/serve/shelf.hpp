// SPDX-License-Identifier: Apache-2.0
// What stays between requests: documents by their ids, and prompts that others may begin with; of
// both the least recently used go first when bytes are needed, prompts before documents. On the
// engine's thread alone.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/sequence.hpp"
#include "input/conversation.hpp"
#include "serve/events.hpp"

namespace kvhost {

struct StoredDocument {
  StoredDocument(std::string named, Sequence read, Conversation put)
      : id(std::move(named)), sequence(std::move(read)), conversation(std::move(put)) {}

  std::string id, title, model;  // model: name of the one that read it
  Sequence sequence;
  Conversation conversation;
  ReadFacts facts;
  int64_t created = 0;  // seconds since 1970
  int64_t n_uses = 0;
};

class Shelf {
 public:
  void add(std::unique_ptr<StoredDocument> document);
  // Throw Refused(404).
  const StoredDocument& document(const std::string& id) const;
  const StoredDocument& use(const std::string& id);  // now it was used last
  bool remove(const std::string& id);
  void each(const std::function<void(const StoredDocument&)>& visit) const;

  // `sequence` was read by `key`.
  void add_prompt(const std::string& key, Sequence sequence);
  // One to begin `tokens` with, if there is one worth it: all of its tokens are the first ones of
  // these. `whole`: only one of all of them, which has its logits. It is the caller's own.
  std::optional<Sequence> begin_with(const std::string& key,
                                     const std::vector<int32_t>& tokens,
                                     bool whole);

  int64_t bytes() const { return bytes_; }
  int64_t prompt_bytes() const { return prompt_bytes_; }
  size_t n_documents() const { return documents_.size(); }
  // Lets go until no more than that are left.
  void shrink_to(int64_t most_bytes);
  void forget_prompts(int64_t most_bytes);  // until prompts take no more than that

 private:
  struct Prompt {
    std::string key;
    Sequence sequence;
    int64_t bytes;
  };
  struct Document {
    std::unique_ptr<StoredDocument> held;
    int64_t bytes;
  };

  std::list<Document>::const_iterator find(const std::string& id) const;

  std::list<Document> documents_;  // the last used first
  std::list<Prompt> prompts_;
  int64_t bytes_ = 0, prompt_bytes_ = 0;
};

}  // namespace kvhost
