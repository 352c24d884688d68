// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdio>

#include "cost.hpp"
#include "kvhost/plugin.h"
#include "kvhost/spread.h"
#include "plain_text.hpp"
#include "registry/print.hpp"
#include "text_table.hpp"
#include "words.hpp"

namespace kvhost::registry {
namespace {

using Rows = std::vector<std::vector<std::string>>;

std::string joined(const std::vector<std::string>& parts, const std::string& separator) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : separator) + part;
  return text;
}

std::string number(double value) {
  char text[32];
  snprintf(text, sizeof text, "%.10g", value);
  return text;
}

std::string default_text(const ParamInfo& param) {
  if (param.def.is_null()) return param.flags & KVH_PARAM_OPTIONAL ? "none" : "must be given";
  const auto* word = param.def.if_is<std::string>();
  if (word && !word->empty()) return *word;
  if (const auto* real = param.def.if_is<double>()) return number(*real);
  return param.def.literal();
}

std::string range_text(const ParamInfo& param) {
  if (param.type == KVH_PARAM_BOOL) return "true | false";
  const bool has_min = param.flags & KVH_PARAM_HAS_MIN, has_max = param.flags & KVH_PARAM_HAS_MAX;
  const bool open_min = param.flags & KVH_PARAM_EXCLUSIVE_MIN;
  const bool open_max = param.flags & KVH_PARAM_EXCLUSIVE_MAX;
  std::string text;
  if (has_min && has_max) {
    text = open_min ? "(" : "[";
    text += number(param.min) + ", " + number(param.max);
    text += open_max ? ")" : "]";
  } else if (has_min) {
    text = (open_min ? "> " : ">= ") + number(param.min);
  } else if (has_max) {
    text = (open_max ? "< " : "<= ") + number(param.max);
  }
  if (param.flags & KVH_PARAM_ODD) text += text.empty() ? "odd" : ", odd";
  return text.empty() ? "-" : text;
}

// Choices stand in the last column, which is wrapped.
std::string meaning_text(const ParamInfo& param) {
  if (param.choices.empty()) return param.doc;
  return param.doc + " [" + joined(param.choices, " | ") + "]";
}

std::string phases_text(const MethodInfo& method) {
  std::vector<std::string> phases;
  if (method.flags & KVH_METHOD_PREFILL) phases.emplace_back("after prefill");
  if (method.flags & KVH_METHOD_DECODE) phases.emplace_back("while generating");
  return joined(phases, ", ");
}

std::string promise_text(const MethodInfo& method) {
  std::vector<std::string> parts;
  parts.emplace_back(method.flags & KVH_METHOD_DETERMINISTIC
                         ? "the same bits for the same input, for any number of threads"
                         : "may differ from run to run");
  if (method.flags & KVH_METHOD_NEEDS_BUDGET)
    parts.emplace_back("its scores depend on the layer's budget");
  if (method.flags & KVH_METHOD_EDITS_VALUES)
    parts.emplace_back("it rewrites the values that are kept");
  if (method.flags & KVH_METHOD_EDITS_KEYS)
    parts.emplace_back("it rewrites the keys that are kept");
  if (method.flags & KVH_METHOD_EDITS_POSITIONS)
    parts.emplace_back("kept entries get new positions, and the sequence goes on behind them");
  if (method.flags & KVH_METHOD_PRUNES_CHANNELS)
    parts.emplace_back("it drops channels of the keys that are kept, and their bytes are freed");
  if (method.flags & KVH_METHOD_DECIDES_LATE)
    parts.emplace_back(
        "it may decide only after all layers were seen, which holds the full cache until then");
  if (method.flags & KVH_METHOD_NEEDS_SCORES)
    parts.emplace_back("it goes by the scores of all layers together");
  if (method.flags & KVH_METHOD_READS_PROMPT)
    parts.emplace_back(
        "it looks at the prompt itself, and may read it once more (`kvhost plan` says so)");
  if (method.flags & KVH_METHOD_NO_SCORER) parts.emplace_back("it may stand without a scorer");
  if (method.flags & KVH_METHOD_OWN_TOTAL)
    parts.emplace_back("it decides by itself how much is kept: give no budget");
  return joined(parts, "; ");
}

std::string tier_text(const MethodInfo& method) {
  return method.tier == "torch" ? "torch: runs on the libtorch that this kvhost runs on"
                                : "portable: runs on every kvhost of its ABI major";
}

// "first: 1 scorer; others: 0 to 7 of scorer, wrapper"
std::string slots_text(const MethodInfo& method) {
  std::vector<std::string> slots;
  for (const SlotInfo& slot : method.slots) {
    std::vector<std::string> kinds;
    for (const Word& kind : kind_words())
      if (slot.kinds >> kind.value & 1) kinds.emplace_back(kind.word);
    const std::string count = slot.min == slot.max
                                  ? std::to_string(slot.min)
                                  : std::to_string(slot.min) + " to " + std::to_string(slot.max);
    slots.push_back((slot.name.empty() ? "" : slot.name + ": ") + count + " of " +
                    joined(kinds, ", "));
  }
  return joined(slots, "; ");
}

std::string plugin_text(const MethodInfo& method) {
  std::vector<std::string> said;
  for (const std::string& text : {method.vendor, method.license})
    if (!text.empty()) said.push_back(text);
  return method.plugin + (said.empty() ? "" : " (" + joined(said, ", ") + ")");
}

Rows facts(const MethodInfo& method, const std::string& level) {
  Rows rows = {
      {"kind", kind_name(method.kind)},
      {"version", method.version},
      {"paper", method.paper},
      {"checked against", method.reference},
      {"other names", joined(method.aliases, ", ")},
      {"scorer inside",
       method.default_inner.empty() ? "" : method.default_inner + ", when none is written"},
      {"holds", slots_text(method)},
      {"runs", phases_text(method)},
      {"result", promise_text(method)},
      {"plugin", plugin_text(method)},
      {"tier", tier_text(method)},
      {"libtorch", method.tier == "torch" && method.torch.empty() ? "does not say which" : method.torch},
      {"library", plain(method.library.string())},
      {"SHA-256", method.sha256},
      {"validated", level},
      {"ABI", method.abi},
      {"altered", method.altered},
      {"same name", method.rival}};
  Rows filled;
  for (auto& row : rows) {
    if (!row[1].empty()) filled.push_back(std::move(row));
  }
  return filled;
}

Rows parameter_rows(const MethodInfo& method) {
  Rows rows = {{"name", "type", "default", "range", "unit", "meaning"}};
  for (const ParamInfo& param : method.params) {
    rows.push_back({param.name,
                    word_of(param_type_words(), param.type),
                    default_text(param),
                    range_text(param),
                    param.unit.empty() ? "-" : param.unit,
                    meaning_text(param)});
  }
  return rows;
}

Rows need_rows(const MethodInfo& method) {
  Rows rows;
  for (const NeedInfo& need : method.needs) {
    std::string name = tensor_text(need.tensor);
    const bool spread = need.flags & KVH_NEED_SPREAD;
    if (need.window > 0) name += (spread ? ", " : ", last ") + std::to_string(need.window);
    if (spread) name += " spread over all";
    if (need.layer_stride > 1) name += ", every " + std::to_string(need.layer_stride) + " layers";
    if (need.phases) name += ", " + joined(words_of_bits(phase_words(), need.phases), " and ");
    if (need.flags & KVH_NEED_OPTIONAL) name += " (optional)";
    const bool known = word_of(tensor_words(), need.tensor) != nullptr;
    rows.push_back(
        {name, known ? cost_words(cost_of(need.tensor)) : "this kvhost does not know it: not given"});
  }
  return rows;
}

// What must stand inside it.
std::string inside_text(const MethodInfo& method) {
  if (!method.slots.empty()) {
    size_t least = 0, most = 0;
    for (const SlotInfo& slot : method.slots) least += slot.min, most += slot.max;
    const std::vector<std::string> scorers(std::max(least, std::min<size_t>(most, 2)), "SCORER");
    return ":(" + joined(scorers, "+") + ")";
  }
  if (!method.default_inner.empty()) return ":" + method.default_inner;
  if (method.kind == Kind::Scorer || (method.flags & KVH_METHOD_NO_SCORER)) return "";
  const bool outer = method.kind == Kind::LayerAllocator || method.kind == Kind::Press;
  return outer ? ":HEAD_ALLOCATOR:SCORER" : ":SCORER";
}

bool takes_budget(const MethodInfo& method) {
  const bool only_edits = method.kind == Kind::Press && (method.flags & KVH_METHOD_NO_SCORER);
  return !only_edits && !(method.flags & KVH_METHOD_OWN_TOTAL);
}

// How the method stands in a composition; what it holds is its default scorer, or named by kind
// only.
std::string use_text(const MethodInfo& method) {
  std::string self = method.name;
  for (const ParamInfo& param : method.params) {
    const bool plain = param.def.is<bool>() || param.def.is<int64_t>() || param.def.is<double>();
    if (!plain) continue;
    self += "(" + param.name + "=" + default_text(param) + ")";
    break;
  }
  return "kvhost --press '" + self + inside_text(method) + "'" +
         (takes_budget(method) ? " --keep-ratio 0.25" : "");
}

}  // namespace

std::string info_text(const MethodInfo& method, const std::string& level) {
  std::string text = method.name + "\n" + paragraph_text(method.summary, 2) + "\n";
  text += table_text(facts(method, level), 2);
  text += "\nParameters\n";
  text += method.params.empty() ? "  none\n" : table_text(parameter_rows(method), 2);
  text += "\nMay need, beyond keys, values and positions\n";
  text += method.needs.empty() ? "  nothing\n" : table_text(need_rows(method), 2);
  if (!method.notes.empty()) text += "\nNotes\n" + paragraph_text(method.notes, 2);
  return text + "\nUse\n  " + use_text(method) + "\n";
}

}  // namespace kvhost::registry
