// SPDX-License-Identifier: Apache-2.0
// Sequences to and from files: the cache, the tokens, and what tells whose they are.
#include "base/error.hpp"
#include "base/version.hpp"
#include "engine/cache_file.hpp"
#include "engine/sequence_state.hpp"

namespace kvhost {
namespace {

std::string value_of(const std::map<std::string, std::string>& facts, const std::string& key) {
  const auto found = facts.find(key);
  return found == facts.end() ? "" : found->second;
}

void check_fact(const std::filesystem::path& file,
                const std::map<std::string, std::string>& facts,
                const std::string& key,
                const std::string& expected,
                const std::string& of) {
  const std::string found = value_of(facts, key);
  if (found == expected) return;
  cannot_load(file.string(),
              "was saved with another " + of + " ('" + value_of(facts, "model") +
                  "'); expected the one it was made with, or a new one by `kvhost compress`");
}

bool same_layout(const CacheLayout& a, const CacheLayout& b) {
  return a.n_layers == b.n_layers && a.n_kv_heads == b.n_kv_heads && a.head_dim == b.head_dim;
}

std::string layout_text(const CacheLayout& layout) {
  return std::to_string(layout.n_layers) + " layers x " + std::to_string(layout.n_kv_heads) +
         " KV heads x " + std::to_string(layout.head_dim);
}

}  // namespace

void Sequence::save(const std::filesystem::path& file,
                    const std::map<std::string, std::string>& given) const {
  state_->read_pending();
  state_->check_usable();
  if (state_->logits.empty())
    bad_request("save", "the sequence has read nothing yet; expected a prefill() before");
  DecodeSnapshot decode;
  if (state_->decode_run) decode = state_->decode_run->snapshot();
  const Model model(state_->model);
  std::map<std::string, std::string> facts = given;
  for (const char* key : {"decode_press", "decode_since_cut", "decode_states"}) facts.erase(key);
  facts.insert(decode.facts.begin(), decode.facts.end());
  if (!decode.empty()) facts["decode_press"] = state_->policy->decode_text;
  facts["model"] = model.facts().path;
  facts["family"] = model.facts().family;
  facts["model_sha256"] = model.weights_hash();
  facts["tokenizer_sha256"] = model.tokenizer_hash();
  facts["press"] = press();
  facts["budget"] = state_->budget.mode;
  facts["entries_per_head"] = std::to_string(state_->budget.entries_per_head);
  facts["n_prompt_tokens"] = std::to_string(state_->n_prompt);
  facts["renumbered"] = state_->renumbered ? "true" : "false";
  save_cache(file, state_->cache, state_->logits, state_->tokens, facts, decode.tensors);
}

Sequence Sequence::load(const std::filesystem::path& file,
                        const Model& model,
                        const Policy& policy,
                        const SequenceOptions& options) {
  // Strangers are told from the header, before anything large is read.
  const auto header = read_cache_metadata(file);
  check_fact(file, header, "model_sha256", model.weights_hash(), "model");
  check_fact(file, header, "tokenizer_sha256", model.tokenizer_hash(), "tokenizer");
  SavedCache saved = load_cache(file);
  auto state = std::make_unique<State>(model.shared(), policy.shared(), options);
  const CacheLayout& layout = saved.cache.layout();
  if (!same_layout(layout, state->cache.layout()))
    cannot_load(file.string(),
                "holds " + layout_text(layout) + "; expected the model's " +
                    layout_text(state->cache.layout()));
  if (layout.dtype != state->cache.layout().dtype)
    cannot_load(file.string(),
                std::string("holds ") + dtype_name(layout.dtype) +
                    " entries and the model runs in " + dtype_name(state->cache.layout().dtype) +
                    "; expected --dtype " + dtype_name(layout.dtype));
  if (static_cast<int64_t>(saved.logits.size()) != model.vocab_size())
    cannot_load(file.string(),
                "holds " + std::to_string(saved.logits.size()) + " logits; expected " +
                    std::to_string(model.vocab_size()));
  state->cache = std::move(saved.cache);
  state->tokens = std::move(saved.tokens);
  state->logits = std::move(saved.logits);
  state->facts = std::move(saved.metadata);
  state->restore_facts(file);
  state->restore_decode(file, std::move(saved.decode));
  return Sequence(std::move(state));
}

// What compressed while generating goes on where the same composition is at work; another one begins
// anew on what it finds in the cache.
void Sequence::State::restore_decode(const std::filesystem::path& file,
                                     std::vector<NamedTensor> tensors) {
  if (!policy->decode_press || value_of(facts, "decode_press") != policy->decode_text) return;
  decode_run = std::make_unique<DecodeRun>(DecodeSnapshot{facts, std::move(tensors)},
                                           file.string(),
                                           pressed(*policy->decode_press),
                                           policy->decode_policy(budget));
}

void Sequence::State::restore_facts(const std::filesystem::path& file) {
  try {
    n_prompt = std::stoll(value_of(facts, "n_prompt_tokens"));
    budget.entries_per_head = std::stoll(value_of(facts, "entries_per_head"));
  } catch (const std::exception&) {
    cannot_load(file.string(), "does not say n_prompt_tokens and entries_per_head; expected both");
  }
  const CacheLayout& layout = cache.layout();
  budget.mode = value_of(facts, "budget");
  budget.defaulted = false;
  budget.entries_total = budget.entries_per_head * layout.n_layers * layout.n_kv_heads;
  renumbered = value_of(facts, "renumbered") == "true";
  const auto n_tokens = static_cast<int64_t>(tokens.size());  // a talk behind the prompt included
  memory.cache_bytes_full =
      n_tokens * layout.n_layers * layout.n_kv_heads * layout.bytes_per_entry();
  memory.cache_bytes_kept = cache.bytes_kept();
  memory.cache_bytes_allocated = cache.bytes_allocated();
  memory.cache_bytes_peak = cache.bytes_peak();
  layers = report_layers();
}

}  // namespace kvhost
