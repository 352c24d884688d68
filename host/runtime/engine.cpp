// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine.hpp"

#include <ATen/ATen.h>

#include <algorithm>

#include "base/error.hpp"
#include "base/interrupt.hpp"
#include "base/parallel.hpp"
#include "measure/stopwatch.hpp"
#include "input/paths.hpp"
#include "model/weights.hpp"
#include "press/budget.hpp"

namespace kvhost {
namespace {

void check_device(const std::string& device) {
  if (device == "cpu") return;
  if (device != "cuda") bad_request("--device", "found '" + device + "'; expected cpu or cuda");
  if (!at::hasCUDA())
    cannot_load("--device cuda",
                "this libtorch was built without CUDA; expected a CUDA build of libtorch (point "
                "KVHOST_TORCH_ROOT at one and rebuild), or --device cpu");
  cannot_load("--device cuda",
              "this kvhost runs its cache and kernels on the CPU only; expected --device cpu");
}

bool budget_given(const PressOptions& options) {
  return options.keep_ratio || options.compression_ratio || options.budget;
}

// A method from a system that states sizes rather than ratios keeps those, unless the user gave a
// budget.
void apply_own_budget(const PressOptions& options,
                      const Press& press,
                      const ModelConfig& config,
                      int64_t kv_len,
                      BudgetReport& budget) {
  const int64_t entries = budget_given(options) ? 0 : press.own_entries_per_head(kv_len);
  if (entries <= 0) return;
  budget.mode = "method";
  budget.value = static_cast<double>(entries);
  budget.entries_per_head = std::min(entries, kv_len);
  budget.entries_total = budget.entries_per_head * config.n_layers * config.n_kv_heads;
}

// A method that decides by itself how much is kept leaves no budget to give.
void apply_own_total(const PressOptions& options,
                     const Press& press,
                     const ModelConfig& config,
                     int64_t kv_len,
                     BudgetReport& budget) {
  const auto& stages = press.stages();
  const auto owner = std::find_if(
      stages.begin(), stages.end(), [](const Stage& stage) { return stage.owns_total(); });
  if (owner == stages.end()) return;
  if (budget_given(options))
    bad_request("--press",
                "'" +
                    (owner->head_owns_total() ? owner->head_allocator()->name()
                                              : owner->layer_allocator()->name()) +
                    "' decides by its own parameters how much is kept; expected no --keep-ratio, "
                    "--compression-ratio or --budget beside it");
  budget = {"decided", 1.0, false, kv_len, kv_len * config.n_layers * config.n_kv_heads};
}

// While generating, a method that states sizes goes by them too, as the sequence grows.
DecodePolicy decode_policy(const PressOptions& options,
                           const Press* decode_press,
                           const BudgetReport& budget) {
  if (options.decode_budget > 0 && options.decode_keep_ratio > 0)
    bad_request("--decode-keep-ratio",
                "given beside --decode-budget; expected at most one of the two");
  DecodePolicy policy;
  if (options.decode_every > 0) policy.every = options.decode_every;
  policy.entries_per_head =
      options.decode_budget > 0 ? options.decode_budget : budget.entries_per_head;
  policy.keep_ratio = options.decode_keep_ratio;
  const bool given =
      budget_given(options) || options.decode_budget > 0 || options.decode_keep_ratio > 0;
  if (!given && decode_press && decode_press->own_entries_per_head(1) > 0)
    policy.entries_per_head = DecodePolicy::kOwn;
  return policy;
}

void note_alias(const Composition& composition, std::vector<std::string>& warnings) {
  if (!composition.expanded_from.empty())
    warnings.push_back("'" + composition.expanded_from + "' stands for " + composition.text());
}

void check_length(const Request& request, std::vector<std::string>& warnings) {
  const auto n = static_cast<int64_t>(request.prompt.tokens.size());
  if (request.config.max_positions > 0 && n > request.config.max_positions)
    warnings.push_back("the prompt has " + std::to_string(n) + " tokens, the model was made for " +
                       std::to_string(request.config.max_positions));
}

// Token ids in, token ids out needs no tokenizer; anything with text does.
std::shared_ptr<const Tokenizer> load_tokenizer(const RunOptions& options,
                                                const std::filesystem::path& dir,
                                                std::vector<std::string>& warnings) {
  const bool there = std::filesystem::exists(dir / "tokenizer.json") ||
                     std::filesystem::exists(dir / "vocab.json");
  if (!there && !options.prompt.tokens_file.empty() && options.generate.stop.empty()) {
    warnings.push_back(dir.string() + " has no tokenizer: generated ids have no text");
    return nullptr;
  }
  auto tokenizer = std::make_shared<const Tokenizer>(Tokenizer::load(dir));
  for (const auto& warning : tokenizer->warnings()) warnings.push_back(warning);
  return tokenizer;
}

}  // namespace

Request prepare(const RunOptions& options) {
  if (options.threads > 0) set_num_threads(options.threads);
  check_device(options.device);
  Request request;
  const PluginSet plugins = find_plugins(options.plugins);
  std::string expansion;
  const PressOptions press_options = expand_run_alias(options.press, plugins, expansion);
  if (!expansion.empty()) request.warnings.push_back(expansion);
  request.composition = compose_prefill(press_options, plugins);
  request.decode_composition = compose_decode(press_options, plugins);
  request.model_dir = resolve_model(options.model);
  request.config = read_config(request.model_dir);
  request.dtype = options.dtype.value_or(request.config.checkpoint_dtype);
  request.press = std::make_unique<Press>(request.composition, request.config, request.dtype);
  if (!request.decode_composition.none())
    request.decode_press =
        std::make_unique<Press>(request.decode_composition, request.config, request.dtype);
  request.tokenizer = load_tokenizer(options, request.model_dir, request.warnings);
  request.prompt = read_prompt(
      options.prompt, request.model_dir, request.tokenizer.get(), request.config.vocab_size);
  const auto kv_len = static_cast<int64_t>(request.prompt.tokens.size());
  request.budget = resolve_budget(press_options,
                                  request.composition.none() && request.decode_composition.none(),
                                  kv_len,
                                  request.config.n_layers,
                                  request.config.n_kv_heads);
  apply_own_budget(press_options, *request.press, request.config, kv_len, request.budget);
  apply_own_total(press_options, *request.press, request.config, kv_len, request.budget);
  request.decode_policy = decode_policy(press_options, request.decode_press.get(), request.budget);
  note_alias(request.composition, request.warnings);
  note_alias(request.decode_composition, request.warnings);
  check_length(request, request.warnings);
  return request;
}

Decoder load_decoder(const Request& request, double& load_ms) {
  const Stopwatch watch(load_ms);
  return Decoder(Weights::load(request.model_dir, request.dtype));
}

namespace {

void fill_memory(const KvCache& cache, int64_t kv_len, int64_t extra_bytes, MemoryUse& memory) {
  const CacheLayout& layout = cache.layout();
  memory.cache_bytes_full = kv_len * layout.n_layers * layout.n_kv_heads * layout.bytes_per_entry();
  memory.cache_bytes_kept = cache.bytes_kept();
  memory.cache_bytes_allocated = cache.bytes_allocated();
  memory.cache_bytes_peak = cache.bytes_peak() + extra_bytes;
}

}  // namespace

Prefilled prefill(const Request& request,
                  const Press& press,
                  int64_t total_entries,
                  const Decoder& decoder,
                  KvCache& cache,
                  bool keep_scores,
                  uint64_t seed,
                  const RunCallbacks& callbacks,
                  std::string_view phase,
                  Generation& out) {
  const auto kv_len = static_cast<int64_t>(request.prompt.tokens.size());
  Prefilled result;
  result.trace.keep_scores = keep_scores;
  cache.reset_peak();
  std::unique_ptr<PrefillRun> press_run;
  ForwardOptions forward;
  if (!press.none()) {
    press_run = std::make_unique<PrefillRun>(
        press, decoder, cache, total_entries, kv_len, seed, out.timings, result.trace);
    forward.capture = press.capture();
    forward.sink = [&](int64_t layer, const LayerCapture& capture) {
      press_run->on_layer(layer, capture);
    };
  } else {
    forward.sink = [&](int64_t layer, const LayerCapture&) {
      drop_unseen(decoder.config(), layer, kv_len, cache);
    };
  }
  forward.progress = [&](double share) {
    throw_if_interrupted();
    if (callbacks.progress) callbacks.progress(phase, share);
  };
  {
    const Stopwatch watch(out.timings.prefill_ms);
    const at::Tensor logits = decoder.forward(request.prompt.tokens, cache, forward).contiguous();
    if (press_run) press_run->finish();
    result.logits.assign(logits.data_ptr<float>(), logits.data_ptr<float>() + logits.size(-1));
  }
  if (press_run) result.budgets = press_run->budgets();
  fill_memory(cache, kv_len, press_run ? press_run->peak_extra_bytes() : 0, out.memory);
  return result;
}

std::unique_ptr<DecodeRun> make_decode_run(const Request& request,
                                           const Decoder& decoder,
                                           KvCache& cache,
                                           uint64_t seed,
                                           Timings& timings) {
  if (!request.decode_press) return nullptr;
  return std::make_unique<DecodeRun>(
      *request.decode_press, decoder, cache, request.decode_policy, seed, timings);
}

at::Tensor step(const Decoder& decoder,
                KvCache& cache,
                DecodeRun* decode_run,
                std::span<const int32_t> tokens,
                bool all_logits) {
  ForwardOptions forward;
  forward.all_logits = all_logits;
  const auto n_tokens = static_cast<int64_t>(tokens.size());
  if (decode_run) {
    decode_run->begin_forward(n_tokens);
    forward.capture = decode_run->capture();
  }
  forward.sink = [&](int64_t layer, const LayerCapture& capture) {
    if (decode_run) decode_run->on_layer(layer, capture);
    drop_unseen(decoder.config(), layer, cache.n_seen() + n_tokens, cache);
  };
  at::Tensor logits = decoder.forward(tokens, cache, forward);
  if (decode_run) decode_run->end_forward();
  return logits;
}

}  // namespace kvhost
