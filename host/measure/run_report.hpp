// SPDX-License-Identifier: Apache-2.0
// Everything one run measured. Filled by the engine, read by the printers and by report_json.hpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/dtype.hpp"
#include "measure/model_facts.hpp"
#include "measure/plugin_facts.hpp"

namespace kvhost {

struct Timings {
  double load_ms = 0, prefill_ms = 0, score_ms = 0, allocate_ms = 0, select_ms = 0, compact_ms = 0;
  double passes_ms = 0;  // of methods that read more than once; within prefill_ms, as the others are
  double ttft_ms = 0, decode_ms = 0, tpot_ms = 0, tokens_per_s = 0;
};

struct MemoryUse {
  int64_t cache_bytes_full = 0;  // K and V of every prompt token
  int64_t cache_bytes_kept = 0;  // K and V of the kept entries
  int64_t cache_bytes_peak = 0;  // highest allocation during prefill
  // right after compaction, positions and retained scores included
  int64_t cache_bytes_allocated = 0;
  int64_t rss_peak_bytes = 0;
};

struct LayerReport {
  int64_t budget = 0;           // entries over all KV heads
  std::vector<int64_t> n_kept;  // [n_kv_heads]
  double observed = 0;          // what the layer allocator saw; NaN when nothing
};

struct BudgetReport {
  std::string mode = "keep_ratio";  // keep_ratio, compression_ratio, budget, none, method, decided
  double value = 0.25;
  bool defaulted = true;  // nobody asked for it
  bool raised = false;    // to --min-entries: the prompt is too short for the ratio to be worth it
  int64_t entries_per_head = 0, entries_total = 0;
};

// One cut while generating.
struct DecodeCut {
  int64_t n_seen = 0;   // tokens before it
  int64_t entries = 0;  // left by it, over all layers and heads
  int64_t bytes = 0;    // K and V of those
};

// What compresses while generating.
struct DecodeReport {
  std::string press_spec;  // "" when none
  int64_t every = 0;       // tokens between cuts
  // Kept after a cut on average; 0: `keep_ratio` says; -1: the method's own sizes.
  int64_t entries_per_head = 0;
  double keep_ratio = 0;  // > 0: this share of all tokens seen so far
  std::vector<DecodeCut> cuts;
};

// One generation: of the compressed cache, and of the full one with --compare-full.
struct Generation {
  std::vector<int32_t> tokens;
  std::string text;
  std::string finish_reason;  // length, stop, eos
  Timings timings;
  MemoryUse memory;
};

// How close the compressed cache stayed to the full one: both are teacher-forced on the full
// cache's own continuation.
struct Agreement {
  int64_t n_tokens = 0;
  double nll = 0, nll_full = 0;  // mean negative log-likelihood, nats per token
  double kl = 0;                 // mean KL(full || compressed), nats per token
  double top1 = 0;               // share of positions with the same most likely token
};

struct RunReport {
  ModelFacts model;
  DType dtype = DType::Float32;
  std::string press_spec;
  std::string press_json = "null";  // canonical JSON, all parameters
  std::vector<PluginFacts> plugins;  // of the methods that ran, those while generating included
  DecodeReport decode;
  BudgetReport budget;
  int64_t n_prompt_tokens = 0;
  Generation run;
  std::string observed_name;  // e.g. "effective_rank"; "" when nothing was observed
  std::string observed_from;  // "prompt", or "profile": a stored one of the model
  std::vector<LayerReport> layers;
  std::optional<Generation> full;
  std::optional<Agreement> agreement;
  std::string title;     // of a bundled prompt, or ""
  std::string question;  // that a bundled prompt ends with, or ""
  std::string expect;    // the answer a bundled prompt asks for, or ""
  std::vector<std::string> warnings;
};

}  // namespace kvhost
