// SPDX-License-Identifier: Apache-2.0
#include "cli/eval_case.hpp"

#include <set>

#include "base/error.hpp"
#include "base/output_file.hpp"
#include "base/text.hpp"
#include "cli/kept.hpp"
#include "input/limits.hpp"
#include "report/kept_html.hpp"

namespace kvhost {

namespace {

struct Found {
  const eval::Text* text = nullptr;
  const eval::Ask* ask = nullptr;  // null: a segment
};

Found find_case(const eval::Plan& plan, const std::string& id) {
  constexpr size_t kMostNames = 12;  // in the message
  std::vector<std::string> names;
  for (const auto& text : plan) {
    if (text.segment) {
      if (text.segment->id == id) return {&text, nullptr};
      names.push_back(text.segment->id);
    }
    for (const auto& ask : text.asks) {
      if (ask.id == id) return {&text, &ask};
      names.push_back(ask.id);
    }
  }
  const std::string hint = did_you_mean(id, names);
  const bool more = names.size() > kMostNames;
  if (more) names.resize(kMostNames);
  bad_request("--case",
              "found " + kvhost::quoted(id) + "; expected one of " + join(names, ", ") +
                  (more ? ", ..." : "") + hint);
}

// The tokens of everything that the task marks.
std::vector<int32_t> marked(const eval::Marks& marks, const std::vector<std::string>& pieces) {
  std::set<int32_t> out;
  for (const auto& words : marks.spans)
    for (const int32_t position : eval::positions_of(pieces, words)) out.insert(position);
  return {out.begin(), out.end()};
}

KeptPress show(const Model& model,
               const Found& found,
               const eval::Setting& setting,
               bool question_aware,
               KeptView& view) {
  const auto seed = static_cast<uint64_t>(setting.seeds.front());
  const std::string& task = eval::task_name(*found.text->task);
  if (!found.ask) {
    SequenceOptions options;
    options.method_seed = seed;
    Sequence sequence(model, setting.policy, options);
    sequence.prefill(found.text->segment->context);
    view = kept_view(model, task + " " + found.text->segment->id, sequence);
    return kept_press(sequence);
  }
  const auto told = found.text->asker->tell(setting.policy, seed, *found.ask, question_aware);
  view = kept_view(model, task + " " + found.ask->id, told.read);
  view.marked = marked(found.ask->marks, view.pieces);
  KeptPress press = kept_press(told.read);
  press.exchanges.push_back(
      {found.ask->question + found.ask->answer_prefix, told.answer, found.ask->expected});
  return press;
}

}  // namespace

void write_case_page(const Model& model,
                     const eval::Plan& plan,
                     const std::string& id,
                     bool question_aware,
                     const std::string& file) {
  const Found found = find_case(plan, id);
  const size_t n = found.text->settings.size() - 1;  // beside the full cache
  if (n != 1 && n != 2)
    bad_request("--case",
                "the case has " + std::to_string(n) +
                    " compositions and shares; expected one or two, as --press and --keep-ratio "
                    "choose them");
  KeptView view;
  std::vector<KeptPress> presses;
  for (size_t i = 1; i <= n; ++i)
    presses.push_back(show(model, found, found.text->settings[i], question_aware, view));
  view.presses = std::move(presses);
  write_file(file, [&](std::ostream& out) { write_kept_html(out, view); });
}

}  // namespace kvhost
