// SPDX-License-Identifier: Apache-2.0
#include "validate.hpp"

#include <regex>
#include <set>

#include "library.hpp"
#include "plain_text.hpp"
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
  validate_text(version, where, "version");
  if (!std::regex_match(version, std::regex("[0-9]+\\.[0-9]+\\.[0-9]+([-+].*)?"))) {
    refuse(where, std::string("version is '") + version + "'; expected one like 1.0.0");
  }
}

void validate_flags(const kvh_method& method, const std::string& where) {
  const uint32_t unknown = method.flags & ~known_bits(method_flag_words());
  if (unknown) refuse(where, "flags hold the unknown bits " + std::to_string(unknown));
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

void validate_needs(const kvh_method& method, const std::string& where) {
  if (method.n_static_needs > 0 && !method.static_needs) {
    refuse(where,
           "static_needs is NULL; expected " + std::to_string(method.n_static_needs) + " needs");
  }
  std::set<uint32_t> seen;
  for (uint32_t i = 0; i < method.n_static_needs; ++i) {
    const kvh_need& need = method.static_needs[i];
    const char* tensor = word_of(tensor_words(), need.tensor);
    if (!tensor)
      refuse(where,
             "needs tensor " + std::to_string(need.tensor) + ", which this kvhost does not know");
    const std::string what = std::string("need '") + tensor + "'";
    if (!seen.insert(need.tensor).second) refuse(where, what + " is listed twice");
    if (need.flags & ~known_bits(need_flag_words())) refuse(where, what + " has unknown flags");
    if (need.window < 0)
      refuse(where, what + " has window " + std::to_string(need.window) + "; expected 0 or more");
  }
}

void validate_default_inner(const kvh_method& method, const std::string& where) {
  const char* inner = default_inner(method);
  if (!inner || !*inner) return;
  validate_text(inner, where, "default_inner");
  if (!is_name(inner)) {
    refuse(where, std::string("default_inner is '") + inner + "'; expected the name of a scorer");
  }
  if (method.kind == KVH_KIND_SCORER || (method.flags & KVH_METHOD_NO_SCORER)) {
    refuse(where, std::string("default_inner is '") + inner + "', but it needs no scorer inside");
  }
}

// The functions that every method of this kind must bring.
void validate_interface(const kvh_method& method, const std::string& where) {
  if (!method.interface) refuse(where, "interface is NULL; expected the functions of its kind");
  const uint32_t size = *static_cast<const uint32_t*>(method.interface);
  uint32_t expected = sizeof(kvh_scorer);
  bool complete = false;
  if (method.kind == KVH_KIND_SCORER || method.kind == KVH_KIND_WRAPPER) {
    complete = static_cast<const kvh_scorer*>(method.interface)->score != nullptr;
  } else if (method.kind == KVH_KIND_HEAD_ALLOCATOR) {
    expected = sizeof(kvh_head_allocator);
    complete = static_cast<const kvh_head_allocator*>(method.interface)->allocate != nullptr;
  } else if (method.kind == KVH_KIND_LAYER_ALLOCATOR) {
    const auto* layers = static_cast<const kvh_layer_allocator*>(method.interface);
    expected = sizeof(kvh_layer_allocator);
    complete = size >= expected && layers->when && layers->allocate;
  } else {
    expected = sizeof(kvh_press);
    complete = static_cast<const kvh_press*>(method.interface)->edit != nullptr;
  }
  if (size < expected) {
    refuse(where,
           "struct_size of its interface is " + std::to_string(size) + "; expected at least " +
               std::to_string(expected));
  }
  if (!complete) refuse(where, "its interface lacks a function that its kind must have");
}

void validate_functions(const kvh_method& method, const std::string& where) {
  if (!method.create) refuse(where, "create is NULL");
  if (!method.destroy) refuse(where, "destroy is NULL");
  if (!method.needs) refuse(where, "needs is NULL");
  if (!method.begin != !method.end) refuse(where, "begin and end must both be given, or neither");
  if (method.after_compact && !method.begin)
    refuse(where, "after_compact is given without begin and end");
  validate_interface(method, where);
}

}  // namespace

[[noreturn]] void refuse(const std::string& where, const std::string& reason) {
  throw Refusal("describe", where + ": " + reason);
}

void validate_text(const char* text, const std::string& where, const std::string& field) {
  if (!text) refuse(where, field + " is NULL; expected text");
  const bool lines = field == "notes" || field == "doc";
  if (const char* why = unfit(text, lines))
    refuse(where, field + " " + why + "; expected text that may stand in a listing");
}

bool is_name(const std::string& text) {
  return std::regex_match(text, std::regex("[a-z][a-z0-9_]*"));
}

const char* default_inner(const kvh_method& method) {
  constexpr size_t end = offsetof(kvh_method, default_inner) + sizeof(kvh_method::default_inner);
  return method.struct_size >= end ? method.default_inner : nullptr;
}

void validate_method(const kvh_method& method, const std::string& where) {
  // fields from there on came later
  constexpr size_t smallest = offsetof(kvh_method, default_inner);
  if (method.struct_size < smallest) {
    refuse(where,
           "struct_size is " + std::to_string(method.struct_size) + "; expected at least " +
               std::to_string(smallest));
  }
  validate_text(method.name, where, "name");
  if (!is_name(method.name)) {
    refuse(where, std::string("name is '") + method.name + "'; expected [a-z][a-z0-9_]*");
  }
  const std::string named = std::string("method '") + method.name + "'";
  if (!word_of(kind_words(), method.kind)) {
    refuse(named, "kind is " + std::to_string(method.kind) + ", which this kvhost does not know");
  }
  validate_version(method.version, named);
  validate_text(method.summary, named, "summary");
  if (!*method.summary) refuse(named, "summary is empty; expected one line");
  validate_text(method.paper, named, "paper");
  validate_text(method.reference, named, "reference");
  validate_text(method.notes, named, "notes");
  validate_flags(method, named);
  validate_aliases(method, named);
  validate_default_inner(method, named);
  validate_params(method, named);
  validate_needs(method, named);
  validate_functions(method, named);
}

void validate_plugin(const kvh_plugin& plugin) {
  const std::string where = "plugin";
  validate_text(plugin.name, where, "name");
  if (!*plugin.name) refuse(where, "name is empty; expected one like org.example.mine");
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
