// SPDX-License-Identifier: Apache-2.0
#include "validate.hpp"

#include <regex>
#include <set>

#include "library.hpp"
#include "plain_text.hpp"
#include "slots.hpp"
#include "words.hpp"

namespace kvhost::registry {
namespace {

// What only one kind may declare.
void check_flags_of_kind(const kvh_method& method, const std::string& where) {
  constexpr uint32_t press = 1u << KVH_KIND_PRESS, wrapper = 1u << KVH_KIND_WRAPPER,
                     heads = 1u << KVH_KIND_HEAD_ALLOCATOR, layers = 1u << KVH_KIND_LAYER_ALLOCATOR;
  struct Rule {
    uint32_t flags, kinds;
    const char* words;
  };
  static constexpr Rule rules[] = {
      {KVH_METHOD_PRUNES_CHANNELS, press, "KVH_METHOD_PRUNES_CHANNELS is set; expected a press"},
      {KVH_METHOD_DECIDES_LATE,
       heads | layers,
       "KVH_METHOD_DECIDES_LATE is set; expected a head or layer allocator"},
      {KVH_METHOD_EDITS_VALUES | KVH_METHOD_EDITS_KEYS | KVH_METHOD_EDITS_POSITIONS,
       press,
       "KVH_METHOD_EDITS_VALUES, _KEYS or _POSITIONS is set; only a press edits them"},
      {KVH_METHOD_NO_SCORER,
       press | heads,
       "KVH_METHOD_NO_SCORER is set; expected a press or a head allocator"},
      {KVH_METHOD_EDITS_SCORES, heads, "KVH_METHOD_EDITS_SCORES is set; expected a head allocator"},
      {KVH_METHOD_OWN_TOTAL,
       heads | layers,
       "KVH_METHOD_OWN_TOTAL is set; expected a head or layer allocator"},
      {KVH_METHOD_SCORES_PARTS, wrapper, "KVH_METHOD_SCORES_PARTS is set; expected a wrapper"},
      {KVH_METHOD_NEEDS_SCORES, layers, "KVH_METHOD_NEEDS_SCORES is set; expected a layer allocator"}};
  for (const Rule& rule : rules)
    if ((method.flags & rule.flags) && !(rule.kinds >> method.kind & 1)) refuse(where, rule.words);
}

void validate_version(const char* version, const std::string& where) {
  if (!version) refuse(where, "version is NULL; expected one like 1.0.0");
  validate_text(version, where, "version");
  if (!std::regex_match(version, std::regex("[0-9]+\\.[0-9]+\\.[0-9]+([-+].*)?"))) {
    refuse(where, std::string("version is '") + version + "'; expected one like 1.0.0");
  }
}

void validate_flags(const kvh_method& method, const std::string& where) {
  const uint32_t unknown = method.flags & ~known_bits(method_flag_words()) & KVH_MUST_UNDERSTAND;
  if (unknown)
    refuse(where,
           "flags hold the unknown bits " + std::to_string(unknown) + "; expected a newer kvhost");
  if (!(method.flags & (KVH_METHOD_PREFILL | KVH_METHOD_DECODE))) {
    refuse(where, "flags name no phase; expected KVH_METHOD_PREFILL, KVH_METHOD_DECODE or both");
  }
  check_flags_of_kind(method, where);
}

void validate_aliases(const kvh_method& method, const std::string& where) {
  std::set<std::string> seen = {method.name};
  for (const char* const* alias = method.aliases; alias && *alias; ++alias) {
    validate_text(*alias, where, "an alias");
    if (!std::regex_match(*alias, std::regex("[A-Za-z][A-Za-z0-9_.-]*"))) {
      refuse(where,
             std::string("alias '") + *alias + "' is not a name; expected letters, digits, _ . -");
    }
    if (!seen.insert(*alias).second)
      refuse(where, std::string("alias '") + *alias + "' is given twice");
  }
}

// One that a host does not know is not delivered, where it is optional.
void validate_need(const kvh_need& need, const std::string& where) {
  const bool optional = need.flags & KVH_NEED_OPTIONAL;
  const char* tensor = word_of(tensor_words(), need.tensor);
  if (!tensor && optional) return;
  if (!tensor)
    refuse(where,
           "needs tensor " + std::to_string(need.tensor) +
               ", which this kvhost does not know; expected a newer kvhost, or KVH_NEED_OPTIONAL");
  const std::string what = std::string("need '") + tensor + "'";
  const uint32_t unknown = need.flags & ~known_bits(need_flag_words()) & KVH_MUST_UNDERSTAND;
  if ((unknown || need.reserved) && !optional)
    refuse(where, what + " has unknown flags; expected a newer kvhost, or KVH_NEED_OPTIONAL");
  if (need.window < 0)
    refuse(where, what + " has window " + std::to_string(need.window) + "; expected 0 or more");
}

void validate_needs(const kvh_method& method, const std::string& where) {
  if (method.n_static_needs > 0 && !method.static_needs) {
    refuse(where,
           "static_needs is NULL; expected " + std::to_string(method.n_static_needs) + " needs");
  }
  for (uint32_t i = 0; i < method.n_static_needs; ++i)
    validate_need(method.static_needs[i], where);
}

void validate_default_inner(const kvh_method& method, const std::string& where) {
  const char* inner = method.default_inner;
  if (!inner || !*inner) return;
  validate_text(inner, where, "default_inner");
  if (!is_name(inner)) {
    refuse(where, std::string("default_inner is '") + inner + "'; expected the name of a scorer");
  }
  if (method.kind == KVH_KIND_SCORER || (method.flags & KVH_METHOD_NO_SCORER)) {
    refuse(where, std::string("default_inner is '") + inner + "', but it needs no scorer inside");
  }
}

// The functions that every method of this kind must bring. All tables begin with struct_size and a
// reserved field.
void validate_table(const kvh_method& method, const std::string& where) {
  const void* table = method.functions;
  if (!table) refuse(where, "functions is NULL; expected those of its kind");
  const auto* head = static_cast<const uint32_t*>(table);
  const uint32_t least = method.kind == KVH_KIND_HEAD_ALLOCATOR    ? KVH_HEAD_ALLOCATOR_SIZE_1_0
                         : method.kind == KVH_KIND_LAYER_ALLOCATOR ? KVH_LAYER_ALLOCATOR_SIZE_1_0
                         : method.kind == KVH_KIND_PRESS           ? KVH_PRESS_SIZE_1_0
                                                                   : KVH_SCORER_SIZE_1_0;
  validate_size(head[0], least, where, "its functions");
  validate_reserved(head[1], where + ", functions");
  bool complete = false;
  if (method.kind == KVH_KIND_HEAD_ALLOCATOR)
    complete = static_cast<const kvh_head_allocator*>(table)->allocate;
  else if (method.kind == KVH_KIND_LAYER_ALLOCATOR)
    complete = static_cast<const kvh_layer_allocator*>(table)->allocate;
  else if (method.kind == KVH_KIND_PRESS)
    complete = static_cast<const kvh_press*>(table)->edit;
  else
    complete = static_cast<const kvh_scorer*>(table)->score;
  if (!complete) refuse(where, "its functions lack one that its kind must have");
}

void validate_functions(const kvh_method& method, const std::string& where) {
  if (method.end && !method.begin) refuse(where, "end is given without begin");
  if (method.after_compact && !method.begin) refuse(where, "after_compact is given without begin");
  validate_table(method, where);
}

}  // namespace

[[noreturn]] void refuse(const std::string& where, const std::string& reason) {
  throw Refusal("describe", where + ": " + reason);
}

void validate_text(const char* text, const std::string& where, const std::string& field) {
  if (!text) return;
  const bool lines = field == "notes" || field == "doc";
  if (const char* why = unfit(text, lines))
    refuse(where, field + " " + why + "; expected text that may stand in a listing");
}

bool is_name(const std::string& text) {
  return std::regex_match(text, std::regex("[a-z][a-z0-9_]*"));
}

void validate_size(uint32_t size, uint32_t least, const std::string& where, const std::string& of) {
  if (size >= least) return;
  refuse(where,
         "struct_size of " + of + " is " + std::to_string(size) + "; expected at least " +
             std::to_string(least) + ", as ABI 1.0 has it");
}

void validate_reserved(uint32_t reserved, const std::string& where) {
  if (reserved)
    refuse(where,
           "a reserved field is " + std::to_string(reserved) + "; expected 0, or a newer kvhost");
}

void validate_method(const kvh_method& method, const std::string& where) {
  validate_size(method.struct_size, KVH_METHOD_SIZE_1_0, where, "kvh_method");
  validate_reserved(method.reserved | method.reserved2, where);
  if (!method.name) refuse(where, "name is NULL; expected [a-z][a-z0-9_]*");
  validate_text(method.name, where, "name");
  if (!is_name(method.name)) {
    refuse(where, std::string("name is '") + method.name + "'; expected [a-z][a-z0-9_]*");
  }
  const std::string named = std::string("method '") + method.name + "'";
  if (!word_of(kind_words(), method.kind)) {
    refuse(named, "kind is " + std::to_string(method.kind) + ", which this kvhost does not know");
  }
  if (method.version) validate_version(method.version, named);
  validate_text(method.summary, named, "summary");
  validate_text(method.paper, named, "paper");
  validate_text(method.reference, named, "reference");
  validate_text(method.notes, named, "notes");
  validate_flags(method, named);
  validate_aliases(method, named);
  validate_default_inner(method, named);
  validate_params(method, named);
  validate_needs(method, named);
  validate_slots(method, named);
  validate_functions(method, named);
}

void validate_plugin(const kvh_plugin& plugin) {
  const std::string where = "plugin";
  validate_text(plugin.name, where, "name");
  if (!plugin.name || !*plugin.name) refuse(where, "name is empty; expected one like org.example.mine");
  validate_version(plugin.version, where);
  validate_text(plugin.vendor, where, "vendor");
  validate_text(plugin.license, where, "license");
  if (plugin.n_methods == 0) refuse(where, "has no methods; expected at least one");
  if (!plugin.method) refuse(where, "its function `method` is NULL");
  std::set<std::string> names;
  for (uint32_t i = 0; i < plugin.n_methods; ++i) {
    const std::string at = "method " + std::to_string(i);
    const kvh_method* method = plugin.method(i);
    if (!method) refuse(at, "is NULL; the plugin says it has " + std::to_string(plugin.n_methods));
    if (plugin.method(i) != method)
      refuse(at, "is another pointer at every call; expected one that stays");
    validate_method(*method, at);
    if (!names.insert(method->name).second) {
      refuse(where, std::string("has two methods named '") + method->name + "'");
    }
  }
}

}  // namespace kvhost::registry
