// SPDX-License-Identifier: Apache-2.0
#include "eval/shared_prompt.hpp"

#include <algorithm>

#include "base/dtype.hpp"
#include "base/error.hpp"
#include "base/process_memory.hpp"
#include "engine/read_together.hpp"

namespace kvhost::eval {

SharedPrompt::SharedPrompt(const Model& model, std::vector<int32_t> tokens)
    : model_(model), tokens_(std::move(tokens)) {}

void SharedPrompt::add(const Policy& policy, uint64_t seed) { readers_.push_back({&policy, seed}); }

Sequence SharedPrompt::start(const Reader& reader) const {
  SequenceOptions options;
  options.method_seed = reader.seed;
  return Sequence(model_, *reader.policy, options);
}

// As if everybody held the whole prompt, which some do until the last layer.
size_t SharedPrompt::room() const {
  constexpr int64_t kPart = 3;  // of the free memory
  constexpr size_t kMost = 64;
  const ModelFacts& facts = model_.facts();
  const int64_t full = static_cast<int64_t>(tokens_.size()) * facts.n_layers * facts.n_kv_heads *
                       facts.head_dim * 2 * element_size(model_.dtype());
  const int64_t n = available_memory() / kPart / std::max<int64_t>(full, 1);
  return std::clamp<size_t>(static_cast<size_t>(n), 1, kMost);
}

// False where one of several fails: nobody has read then.
bool SharedPrompt::read_together(const Sequence::Progress& progress) {
  const size_t n = alone_ ? 1 : std::min(readers_.size(), room());
  std::deque<Sequence> started;
  std::vector<Sequence*> all;
  for (size_t i = 0; i < n; ++i) all.push_back(&started.emplace_back(start(readers_[i])));
  try {
    prefill_together(all, tokens_, progress);
  } catch (const Error& e) {
    if (e.code() == ExitCode::Interrupted || n == 1) throw;
    return false;
  }
  readers_.erase(readers_.begin(), readers_.begin() + static_cast<std::ptrdiff_t>(n));
  read_ = std::move(started);
  return true;
}

Sequence SharedPrompt::take(const Sequence::Progress& progress) {
  if (read_.empty() && !read_together(progress)) {
    alone_ = true;
    read_together(progress);
  }
  Sequence next = std::move(read_.front());
  read_.pop_front();
  return next;
}

}  // namespace kvhost::eval
