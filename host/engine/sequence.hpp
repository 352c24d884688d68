// SPDX-License-Identifier: Apache-2.0
// One text: read once, compressed, then continued, asked, forked, saved. Used by one thread at a
// time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/api.hpp"
#include "engine/model.hpp"
#include "engine/policy.hpp"
#include "engine/sampling.hpp"
#include "measure/run_report.hpp"

namespace kvhost {

struct SequenceOptions {
  SamplingOptions sampling;
  uint64_t method_seed = 0;  // of methods that draw at random
  bool keep_scores = false;  // for scores()
  // Of the prompt's last tokens, as many ask about those before: for methods that look from there.
  int64_t n_question = 0;
};

// Positions that every head holds: [n_layers][n_kv_heads], ascending.
using KeptPositions = std::vector<std::vector<std::vector<int32_t>>>;

class KVHOST_API Sequence {
 public:
  using Progress = std::function<void(double share)>;  // in [0, 1]; may throw to stop

  // Reads the model's weights if nobody has yet.
  Sequence(const Model& model, const Policy& policy, const SequenceOptions& options = {});
  ~Sequence();
  Sequence(Sequence&&) noexcept;
  Sequence& operator=(Sequence&&) noexcept;

  // Reads a prompt with exact attention and compresses its cache, layer by layer. Once, at first.
  void prefill(std::span<const int32_t> tokens, const Progress& progress = {});

  // Reads more tokens over what is kept; they see it and each other, and are kept whole.
  void append(std::span<const int32_t> tokens, const Progress& progress = {});

  // The next token by the sequence's sampler. It is read when something comes after it.
  int32_t next();

  // What next() chose is not part of the sequence after all.
  void forget_next();

  // Reads `tokens`; before each, hands out the logits [vocab_size] that predict it.
  using OnLogits = std::function<void(size_t index, std::span<const float> logits)>;
  void force(std::span<const int32_t> tokens, const OnLogits& on_logits, int64_t block = 0);
  // The same: log p(token | everything before) of each, nats.
  std::vector<double> force(std::span<const int32_t> tokens);

  // Logits [vocab_size] that predict the next token. Valid until the sequence changes.
  std::span<const float> logits();

  // A sequence of its own that goes on from here; with its sampler as it was at the start.
  Sequence fork() const;

  // To a file that load() and other programs read (docs/saved_cache.md). `facts` go with it.
  void save(const std::filesystem::path& file,
            const std::map<std::string, std::string>& facts = {}) const;
  // Refuses a cache of another model, tokenizer or dtype. What compresses from now on is `policy`'s
  // decode press; where it is the one that was at work, it goes on from where it was.
  static Sequence load(const std::filesystem::path& file,
                       const Model& model,
                       const Policy& policy,
                       const SequenceOptions& options = {});

  // What compressed it: of a loaded one, the press that it was saved with.
  std::string press() const;

  const std::vector<int32_t>& tokens() const;  // all that were read, what was evicted too
  int64_t n_prompt_tokens() const;             // those of prefill()
  KeptPositions kept() const;
  bool renumbered() const;  // positions were given anew: kept() does not point into tokens()

  // What was measured since construction, fork or load.
  const Timings& timings() const;
  MemoryUse memory() const;    // right after the compression
  int64_t bytes_kept() const;  // K and V of what is held now
  const BudgetReport& budget() const;
  std::vector<LayerReport> layers() const;  // right after the compression
  const std::string& observed_name() const;
  const std::string& observed_from() const;  // "prompt" or "profile"
  DecodeReport decode_report() const;
  // With keep_scores: [n_layers][n_kv_heads][kv_len].
  const std::vector<std::vector<std::vector<float>>>& scores() const;
  const std::map<std::string, std::string>& facts() const;  // of the file it was loaded from

  struct State;
  State& state() const { return *state_; }

 private:
  explicit Sequence(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// log softmax of a row of logits, in double inside.
KVHOST_API std::vector<float> log_softmax(std::span<const float> logits);

}  // namespace kvhost
