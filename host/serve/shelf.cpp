// SPDX-License-Identifier: Apache-2.0
#include "serve/shelf.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "engine/rewind.hpp"
#include "serve/refusal.hpp"

namespace kvhost {
namespace {

constexpr size_t kLeastWorth = 32;  // tokens; shorter ones are read sooner than found

size_t common_beginning(const std::vector<int32_t>& a, const std::vector<int32_t>& b) {
  const auto end = std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first;
  return static_cast<size_t>(end - a.begin());
}

}  // namespace

void Shelf::add(std::unique_ptr<StoredDocument> document) {
  remove(document->id);
  const int64_t bytes = document->sequence.bytes_kept();
  documents_.push_front({std::move(document), bytes});
  bytes_ += bytes;
}

std::list<Shelf::Document>::const_iterator Shelf::find(const std::string& id) const {
  const auto found = std::find_if(documents_.begin(), documents_.end(), [&](const Document& one) {
    return one.held->id == id;
  });
  if (found == documents_.end())
    refuse(404,
           "document: no document " + quoted(id) +
               " is here; expected the id of one that POST /v1/documents made and that was not "
               "let go since; GET /v1/documents lists them",
           "document");
  return found;
}

const StoredDocument& Shelf::document(const std::string& id) const { return *find(id)->held; }

const StoredDocument& Shelf::use(const std::string& id) {
  const auto found = find(id);
  ++found->held->n_uses;
  documents_.splice(documents_.begin(), documents_, found);
  return *found->held;
}

bool Shelf::remove(const std::string& id) {
  return std::erase_if(documents_, [&](const Document& one) {
           if (one.held->id != id) return false;
           bytes_ -= one.bytes;
           return true;
         }) > 0;
}

void Shelf::each(const std::function<void(const StoredDocument&)>& visit) const {
  for (const auto& one : documents_) visit(*one.held);
}

void Shelf::add_prompt(const std::string& key, Sequence sequence) {
  if (sequence.tokens().size() < kLeastWorth) return;
  // One that is the beginning of the new one has had its day.
  std::erase_if(prompts_, [&](const Prompt& one) {
    const auto& old = one.sequence.tokens();
    const bool within = one.key == key && can_rewind(sequence, static_cast<int64_t>(old.size())) &&
                        common_beginning(old, sequence.tokens()) == old.size();
    if (within) bytes_ -= one.bytes, prompt_bytes_ -= one.bytes;
    return within;
  });
  const int64_t bytes = sequence.bytes_kept();
  prompts_.push_front({key, std::move(sequence), bytes});
  bytes_ += bytes;
  prompt_bytes_ += bytes;
}

std::optional<Sequence> Shelf::begin_with(const std::string& key,
                                          const std::vector<int32_t>& tokens,
                                          bool whole) {
  auto best = prompts_.end();
  size_t most = kLeastWorth - 1;
  for (auto one = prompts_.begin(); one != prompts_.end(); ++one) {
    if (one->key != key) continue;
    const auto& read = one->sequence.tokens();
    size_t n = common_beginning(read, tokens);
    const bool all = n == read.size() && n == tokens.size();
    if (whole && !all) continue;
    if (!all) n = std::min(n, tokens.size() - 1);  // something must be read for its logits
    if (n <= most || (!all && !can_rewind(one->sequence, static_cast<int64_t>(n)))) continue;
    most = n;
    best = one;
  }
  if (best == prompts_.end()) return std::nullopt;
  prompts_.splice(prompts_.begin(), prompts_, best);
  Sequence own = best->sequence.fork();
  if (most < own.tokens().size()) rewind(own, static_cast<int64_t>(most));
  return own;
}

void Shelf::forget_prompts(int64_t most_bytes) {
  while (prompt_bytes_ > most_bytes && !prompts_.empty()) {
    bytes_ -= prompts_.back().bytes;
    prompt_bytes_ -= prompts_.back().bytes;
    prompts_.pop_back();
  }
}

void Shelf::shrink_to(int64_t most_bytes) {
  forget_prompts(std::max<int64_t>(0, most_bytes - (bytes_ - prompt_bytes_)));
  while (bytes_ > most_bytes && !documents_.empty()) {
    bytes_ -= documents_.back().bytes;
    documents_.pop_back();
  }
}

}  // namespace kvhost
