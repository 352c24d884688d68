// SPDX-License-Identifier: Apache-2.0
#include "cli/kept.hpp"

#include "report/printers.hpp"
#include "tokenizer/pieces.hpp"

namespace kvhost {

std::vector<std::string> pieces_of(const Model& model, std::span<const int32_t> tokens) {
  if (!model.tokenizer()) return {};
  return pieces_of(*model.tokenizer(), tokens);
}

KeptPress kept_press(const Sequence& sequence) {
  KeptPress press;
  press.spec = sequence.press();
  press.budget_line = budget_line(sequence.budget(), sequence.n_prompt_tokens());
  press.n_seen = static_cast<int64_t>(sequence.tokens().size());
  press.renumbered = sequence.renumbered();
  press.kept = sequence.kept();
  press.observed_name = sequence.observed_name();
  for (const auto& layer : sequence.layers()) {
    press.layer_budgets.push_back(layer.budget);
    if (!press.observed_name.empty()) press.observed.push_back(layer.observed);
  }
  const MemoryUse memory = sequence.memory();
  press.bytes_full = memory.cache_bytes_full;
  press.bytes_kept = memory.cache_bytes_kept;
  return press;
}

KeptView kept_view(const Model& model, const std::string& title, const Sequence& sequence) {
  KeptView view;
  view.title = title;
  view.model = model.facts().path;
  view.pieces = pieces_of(model, sequence.tokens());
  return view;
}

}  // namespace kvhost
