// SPDX-License-Identifier: Apache-2.0
// A method's description in a fluent form, and the C structs the host reads it through.
#pragma once

#include <cstdint>
#include <deque>
#include <initializer_list>
#include <limits>
#include <string>
#include <vector>

#include "plugin.h"

namespace kvhost::sdk {

// The bounds of integers, so that no sum or product of a few of them overflows. Lengths and counts
// of tokens: above the longest contexts, and exact in float32; what an integer has that names no
// bound of its own.
inline constexpr int64_t kMostTokens = int64_t{1} << 24;
// Seeds: exact wherever JSON is read.
inline constexpr int64_t kMostSeed = int64_t{1} << 53;

// One parameter. Spelled as the paper and kvpress do.
class Param {
 public:
  Param(uint32_t type, const char* name) : name_(name) {
    raw_.struct_size = sizeof(kvh_param);
    raw_.type = type;
    raw_.def.type = type;
    raw_.doc = raw_.unit = "";
    raw_.min = -std::numeric_limits<double>::infinity();
    raw_.max = std::numeric_limits<double>::infinity();
  }

  Param& doc(const char* text) { return set(raw_.doc, text); }
  Param& unit(const char* text) { return set(raw_.unit, text); }
  Param& min(double bound) { return limit(raw_.min, bound, KVH_PARAM_HAS_MIN); }
  Param& max(double bound) { return limit(raw_.max, bound, KVH_PARAM_HAS_MAX); }
  Param& above(double bound) {
    return limit(raw_.min, bound, KVH_PARAM_HAS_MIN | KVH_PARAM_EXCLUSIVE_MIN);
  }
  Param& below(double bound) {
    return limit(raw_.max, bound, KVH_PARAM_HAS_MAX | KVH_PARAM_EXCLUSIVE_MAX);
  }
  Param& odd() { return flag(KVH_PARAM_ODD); }
  Param& optional() { return flag(KVH_PARAM_OPTIONAL); }

  // For the functions below.
  Param& choices(std::initializer_list<const char*> names) {
    choices_.assign(names);
    choices_.push_back(nullptr);
    return *this;
  }
  kvh_value& value() {
    raw_.def.present = 1;
    return raw_.def;
  }
  // [load] Pointers into this object; it must not move afterwards.
  const kvh_param* finish() {
    raw_.name = name_.c_str();
    raw_.choices = choices_.empty() ? nullptr : choices_.data();
    const bool whole = raw_.type == KVH_PARAM_INT || raw_.type == KVH_PARAM_INT_LIST;
    const bool odd = (raw_.flags & KVH_PARAM_ODD) != 0;
    if (whole && (raw_.flags & KVH_PARAM_HAS_MAX) == 0) max(static_cast<double>(kMostTokens - (odd ? 1 : 0)));
    return &raw_;
  }

 private:
  Param& set(const char*& field, const char* text) {
    field = text;
    return *this;
  }
  Param& limit(double& field, double bound, uint32_t bits) {
    field = bound;
    return flag(bits);
  }
  Param& flag(uint32_t bits) {
    raw_.flags |= bits;
    return *this;
  }

  std::string name_;
  std::vector<const char*> choices_;
  kvh_param raw_{};
};

inline Param boolean(const char* name, bool def) {
  Param p(KVH_PARAM_BOOL, name);
  p.value().v.i = def ? 1 : 0;
  return p;
}

inline Param integer(const char* name, int64_t def) {
  Param p(KVH_PARAM_INT, name);
  p.value().v.i = def;
  return p;
}

// An integer that may be absent, and is by default; Args::has() tells.
inline Param optional_integer(const char* name) {
  Param p(KVH_PARAM_INT, name);
  return p.optional();
}

inline Param real(const char* name, double def) {
  Param p(KVH_PARAM_FLOAT, name);
  p.value().v.d = def;
  return p;
}

// A number that may be absent, and is by default.
inline Param optional_real(const char* name) {
  Param p(KVH_PARAM_FLOAT, name);
  return p.optional();
}

inline Param text(const char* name, const char* def) {
  Param p(KVH_PARAM_STRING, name);
  p.value().v.s = def;
  return p;
}

// The first name is the default.
inline Param choice(const char* name, std::initializer_list<const char*> names) {
  Param p(KVH_PARAM_CHOICE, name);
  p.value().v.s = *names.begin();
  return p.choices(names);
}

// A list of numbers, empty when not given.
inline Param reals(const char* name) {
  Param p(KVH_PARAM_FLOAT_LIST, name);
  p.value();
  return p;
}

// A path the method opens itself; "" when not given.
inline Param file(const char* name) {
  Param p(KVH_PARAM_FILE, name);
  p.value().v.s = "";
  return p;
}

// Everything a listing shows. Build one with scorer(), wrapper(), ... below; texts are string
// literals.
class Description {
 public:
  Description(uint32_t kind, const char* name) {
    raw_.struct_size = sizeof(kvh_method);
    raw_.kind = kind;
    raw_.flags = KVH_METHOD_DETERMINISTIC | KVH_METHOD_PREFILL;
    raw_.name = name;
  }

  Description& summary(const char* text) { return set(raw_.summary, text); }
  Description& paper(const char* text) { return set(raw_.paper, text); }
  Description& reference(const char* text) { return set(raw_.reference, text); }
  Description& notes(const char* text) { return set(raw_.notes, text); }
  Description& version(const char* text) { return set(raw_.version, text); }
  Description& alias(const char* name) {
    aliases_.push_back(name);
    return *this;
  }
  // The scorer that stands inside when none is written there: the one the paper uses.
  Description& default_inner(const char* scorer) { return set(raw_.default_inner, scorer); }
  // A wrapper that holds several scorers: what stands in its next slot, `min` to `max` of `kinds`,
  // bits 1 << KVH_KIND_*. Without slots a wrapper holds one. Args::children() gives them.
  Description& slot(const char* name,
                    uint32_t min,
                    uint32_t max,
                    uint32_t kinds = 1u << KVH_KIND_SCORER | 1u << KVH_KIND_WRAPPER) {
    slots_.push_back({sizeof(kvh_slot), kinds, min, max, 0, 0, name});
    return *this;
  }
  Description& param(Param p) {
    params_.push_back(std::move(p));
    return *this;
  }
  // A tensor some configuration may ask for in needs(); nothing else is delivered.
  Description& uses(uint32_t tensor, uint32_t flags = 0) {
    needs_.push_back({tensor, flags, 0, 0, 0, 0});
    return *this;
  }
  Description& decodes() { return flag(KVH_METHOD_DECODE); }
  Description& only_decodes() {
    raw_.flags &= ~static_cast<uint32_t>(KVH_METHOD_PREFILL);
    return decodes();
  }
  Description& needs_budget() { return flag(KVH_METHOD_NEEDS_BUDGET); }
  Description& edits_values() { return flag(KVH_METHOD_EDITS_VALUES); }
  Description& edits_keys() { return flag(KVH_METHOD_EDITS_KEYS); }
  Description& edits_positions() { return flag(KVH_METHOD_EDITS_POSITIONS); }
  Description& decides_late() { return flag(KVH_METHOD_DECIDES_LATE); }
  Description& prunes_channels() { return flag(KVH_METHOD_PRUNES_CHANNELS); }
  Description& edits_scores() { return flag(KVH_METHOD_EDITS_SCORES); }
  Description& needs_no_scorer() { return flag(KVH_METHOD_NO_SCORER); }
  Description& own_total() { return flag(KVH_METHOD_OWN_TOTAL); }
  Description& scores_parts() { return flag(KVH_METHOD_SCORES_PARTS); }
  Description& needs_scores() { return flag(KVH_METHOD_NEEDS_SCORES).decides_late(); }
  Description& reads_prompt() { return flag(KVH_METHOD_READS_PROMPT); }
  // It reads Layer's own numbers of heads and dimensions, which may differ from layer to layer.
  Description& mixed_layers() { return flag(KVH_METHOD_MIXED_LAYERS); }
  Description& not_deterministic() {
    raw_.flags &= ~static_cast<uint32_t>(KVH_METHOD_DETERMINISTIC);
    return *this;
  }

  // [load] The C form; it points into this object, which must not move afterwards.
  kvh_method& finish() {
    for (Param& p : params_) param_rows_.push_back(p.finish());
    aliases_.push_back(nullptr);
    raw_.n_params = static_cast<uint32_t>(param_rows_.size());
    raw_.params = param_rows_.data();
    raw_.aliases = aliases_.data();
    raw_.static_needs = needs_.data();
    raw_.n_static_needs = static_cast<uint32_t>(needs_.size());
    for (const kvh_slot& slot : slots_) slot_rows_.push_back(&slot);
    raw_.n_slots = static_cast<uint32_t>(slot_rows_.size());
    raw_.slots = slot_rows_.empty() ? nullptr : slot_rows_.data();
    return raw_;
  }

 private:
  Description& set(const char*& field, const char* text) {
    field = text;
    return *this;
  }
  Description& flag(uint32_t bits) {
    raw_.flags |= bits;
    return *this;
  }

  kvh_method raw_{};
  std::deque<Param> params_;
  std::vector<const kvh_param*> param_rows_;
  std::vector<const char*> aliases_;
  std::vector<kvh_need> needs_;
  std::vector<kvh_slot> slots_;
  std::vector<const kvh_slot*> slot_rows_;
};

inline Description scorer(const char* name) { return {KVH_KIND_SCORER, name}; }
inline Description wrapper(const char* name) { return {KVH_KIND_WRAPPER, name}; }
inline Description head_allocator(const char* name) { return {KVH_KIND_HEAD_ALLOCATOR, name}; }
inline Description layer_allocator(const char* name) { return {KVH_KIND_LAYER_ALLOCATOR, name}; }
inline Description press(const char* name) { return {KVH_KIND_PRESS, name}; }

}  // namespace kvhost::sdk
