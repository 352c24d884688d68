// SPDX-License-Identifier: Apache-2.0
// A request made ready: checked composition, model and plugins loaded. Shared by run, score and
// plan.
#pragma once

#include <memory>
#include <optional>

#include "input/options.hpp"
#include "model/decoder.hpp"
#include "press/decode_run.hpp"
#include "press/prefill_run.hpp"
#include "measure/run_report.hpp"
#include "runtime/plugin_set.hpp"
#include "runtime/prompt.hpp"
#include "runtime/session.hpp"

namespace kvhost {

// Everything that can be known without weights.
struct Request {
  std::filesystem::path model_dir;
  ModelConfig config;
  DType dtype = DType::Float32;
  std::shared_ptr<const Tokenizer> tokenizer;  // null: ids only
  Prompt prompt;
  Composition composition, decode_composition;
  std::unique_ptr<Press> press, decode_press;  // decode_press is null when none
  BudgetReport budget;
  DecodePolicy decode_policy;
  std::vector<std::string> warnings;
};

Request prepare(const RunOptions& options);

// Reads the weights. `load_ms` grows by what it took.
Decoder load_decoder(const Request& request, double& load_ms);

struct Prefilled {
  std::vector<float> logits;  // [vocab_size] after the last prompt token
  LayerBudgets budgets;
  PressTrace trace;
};

// Prefill and compression of `request.prompt` into `cache`, by `press` (may be none). Fills timings
// and memory.
Prefilled prefill(const Request& request,
                  const Press& press,
                  int64_t total_entries,
                  const Decoder& decoder,
                  KvCache& cache,
                  bool keep_scores,
                  uint64_t seed,
                  const RunCallbacks& callbacks,
                  std::string_view phase,
                  Generation& out);

std::unique_ptr<DecodeRun> make_decode_run(const Request& request,
                                           const Decoder& decoder,
                                           KvCache& cache,
                                           uint64_t seed,
                                           Timings& timings);

// Processes `tokens` on the compressed cache, evicting when due; logits of the last or of all
// tokens, float32.
at::Tensor step(const Decoder& decoder,
                KvCache& cache,
                DecodeRun* decode_run,
                std::span<const int32_t> tokens,
                bool all_logits);

}  // namespace kvhost
