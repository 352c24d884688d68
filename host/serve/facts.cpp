// SPDX-License-Identifier: Apache-2.0
#include "serve/facts.hpp"

#include "engine/cache_needs.hpp"
#include "measure/stopwatch.hpp"

namespace kvhost {

ReadFacts facts_of(const Reading& reading) {
  const ModelFacts& model = reading.task.model.facts();
  const Sequence& sequence = *reading.sequence;
  ReadFacts facts;
  facts.n_tokens = static_cast<int64_t>(sequence.tokens().size());
  facts.n_cached = reading.n_cached;
  facts.press = sequence.press();
  facts.decode_press = sequence.decode_report().press_spec;
  facts.budget = sequence.budget();
  facts.bytes_kept = sequence.bytes_kept();
  facts.renumbered = sequence.renumbered();
  facts.n_kept = entries_held(sequence);
  facts.n_entries = facts.n_tokens * model.n_layers * model.n_kv_heads;
  const MemoryUse memory = sequence.memory();  // of the prompt that was compressed
  if (sequence.n_prompt_tokens() > 0)
    facts.bytes_full = memory.cache_bytes_full / sequence.n_prompt_tokens() * facts.n_tokens;
  if (reading.task.kept != Kept::No) facts.layers = sequence.layers();
  if (reading.task.kept == Kept::Positions) facts.positions = sequence.kept();
  facts.queue_ms = std::chrono::duration<double, std::milli>(reading.began - reading.task.submitted)
                       .count();
  facts.prefill_ms = ms_since(reading.began);
  return facts;
}

}  // namespace kvhost
