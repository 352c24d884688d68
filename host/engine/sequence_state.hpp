// SPDX-License-Identifier: Apache-2.0
// What a Sequence is made of: its cache, the compression at work on it, its sampler, what was
// measured.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/model_state.hpp"
#include "engine/policy_state.hpp"
#include "engine/sampler.hpp"
#include "engine/sequence.hpp"
#include "model/forward.hpp"
#include "press/decode_run.hpp"
#include "press/prefill_run.hpp"

namespace kvhost {

struct Sequence::State {
  State(std::shared_ptr<const ModelState> model,
        std::shared_ptr<const PolicyState> policy,
        const SequenceOptions& options);

  // A pass over tokens in three parts, so that a batch can run the middle one for several
  // sequences: begin() -> Forward -> end(). `begin` takes what fits before the next cut and returns
  // how many tokens that is.
  size_t begin(std::span<const int32_t> tokens, bool all_logits);
  Stretch stretch();
  // logits: [1 or n, vocab_size]. Methods may read further passes; `progress` is told their share
  // done.
  void end(const at::Tensor& logits, const ProgressSink& progress = {});
  // After a pass that failed: back to where it began if that can be, else the sequence is broken.
  void fail() noexcept;

  // The whole of it for one sequence. `on_logits` gets the rows of all tokens and wants all_logits.
  using OnRows = std::function<void(const at::Tensor& logits)>;
  void read(std::span<const int32_t> tokens, const Progress& progress, const OnRows& on_rows);
  // What next() chose last and nobody has read yet.
  void read_pending();
  void check_usable() const;
  PressedSequence pressed(const Press& press);
  // Fills what a loaded cache does not hold itself from `facts`.
  void restore_facts(const std::filesystem::path& file);
  void restore_decode(const std::filesystem::path& file, std::vector<NamedTensor> tensors);

  std::shared_ptr<const ModelState> model;
  std::shared_ptr<const PolicyState> policy;
  SequenceOptions options;
  const Decoder& decoder;
  KvCache cache;
  Sampler sampler;
  std::vector<int32_t> tokens;
  int64_t n_prompt = 0;
  std::optional<int32_t> pending;
  std::vector<float> logits;  // [vocab_size]; empty before anything was read
  bool renumbered = false, broken = false;

  Timings timings;
  MemoryUse memory;  // right after the compression
  BudgetReport budget;
  LayerBudgets layer_budgets;
  std::vector<LayerReport> layers;
  PressTrace trace;
  std::unique_ptr<DecodeRun> decode_run;  // made when the first token after the prompt is read
  std::map<std::string, std::string> facts;

 private:
  void end_prefill();
  void begin_prefill();
  void describe_prompt();
  double passes_share() const;
  void begin_decode();
  std::vector<LayerReport> report_layers() const;
  void take_last_row(const at::Tensor& rows);

  struct Pass;
  std::shared_ptr<Pass> pass_;  // while one is under way
};

}  // namespace kvhost
