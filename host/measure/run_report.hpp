// SPDX-License-Identifier: Apache-2.0
// Everything one run measured. Filled by the runtime, read by the printers; its JSON form is the
// contract with scripts.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "model/config.hpp"

namespace kvhost {

struct Timings {
  double load_ms = 0, prefill_ms = 0, score_ms = 0, allocate_ms = 0, select_ms = 0, compact_ms = 0;
  double ttft_ms = 0, decode_ms = 0, tpot_ms = 0, tokens_per_s = 0;
};

struct MemoryUse {
  int64_t cache_bytes_full = 0;  // K and V of every prompt token
  int64_t cache_bytes_kept = 0;  // K and V of the kept entries
  int64_t cache_bytes_peak = 0;  // highest allocation during prefill
  int64_t cache_bytes_allocated =
      0;  // right after compaction, positions and retained scores included
  int64_t rss_peak_bytes = 0;
};

struct LayerReport {
  int64_t budget = 0;           // entries over all KV heads
  std::vector<int64_t> n_kept;  // [n_kv_heads]
  double observed = 0;          // what the layer allocator saw; NaN when nothing
};

struct BudgetReport {
  std::string mode = "keep_ratio";  // keep_ratio, compression_ratio, budget, none
  double value = 0.25;
  bool defaulted = true;  // nobody asked for it
  int64_t entries_per_head = 0, entries_total = 0;
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
  std::string model_path;
  ModelConfig model;
  DType dtype = DType::Float32;
  std::string press_spec;
  nlohmann::json press_json;
  std::string decode_press_spec;  // "" when none
  BudgetReport budget;
  int64_t n_prompt_tokens = 0;
  Generation run;
  std::string observed_name;  // e.g. "effective_rank"; "" when nothing was observed
  std::vector<LayerReport> layers;
  std::optional<Generation> full;
  std::optional<Agreement> agreement;
  std::string title;   // of a bundled prompt, or ""
  std::string expect;  // the answer a bundled prompt asks for, or ""
  std::vector<std::string> warnings;
};

// The schema of docs/contract.md, "Run report".
nlohmann::json to_json(const RunReport& report);

}  // namespace kvhost
