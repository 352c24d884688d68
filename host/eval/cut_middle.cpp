// SPDX-License-Identifier: Apache-2.0
#include "eval/cut_middle.hpp"

#include <span>
#include <vector>

#include "base/error.hpp"
#include "eval/answers.hpp"

namespace kvhost::eval {

namespace {

// Tokens beyond what the model reads; 0 or less where it fits.
int64_t excess(const Model& model, std::optional<bool> chat, const tasks::Case& one) {
  return TextAsker(model, tasks::read_text(one), chat).n_needed(ask_of(one)) -
         model.max_positions();
}

}  // namespace

void cut_middle(const Model& model, std::optional<bool> chat, tasks::Case& one) {
  if (model.max_positions() <= 0) return;
  const std::vector<int32_t> context = model.encode(one.context, /*add_special=*/false);
  const auto n_all = static_cast<int64_t>(context.size());
  // The two halves may take more tokens than they had as one text: then a little more goes.
  for (int64_t over = excess(model, chat, one); over > 0; over = excess(model, chat, one)) {
    one.n_cut += over;
    const int64_t n = n_all - one.n_cut;
    if (n < 2)
      bad_request("case '" + one.id + "'",
                  "leaves no room for its text in the " + std::to_string(model.max_positions()) +
                      " tokens that the model reads; expected a shorter question or answer");
    const std::span<const int32_t> tokens = context;
    one.context = model.decode(tokens.first(static_cast<size_t>(n / 2))) +
                  model.decode(tokens.last(static_cast<size_t>(n - n / 2)));
    one.spans.clear();  // they are places in the text as it was
  }
}

}  // namespace kvhost::eval
