// SPDX-License-Identifier: Apache-2.0
// What a method's constructor gets, and what its needs() fills.
#pragma once

#include <optional>

#include "scores.hpp"

namespace kvhost::sdk {

// [create] Parameters by name; the host has filled defaults and checked ranges. Borrowed: copy what
// you keep.
class Args {
 public:
  Args(const kvh_method& method, const kvh_create_args& args) : method_(&method), args_(&args) {}
  Args(const kvh_method&, const kvh_create_args&&) = delete;

  bool has(const char* name) const { return value(name).present != 0; }
  bool flag(const char* name) const { return get(name, KVH_PARAM_BOOL).v.i != 0; }
  int64_t integer(const char* name) const { return get(name, KVH_PARAM_INT).v.i; }
  double real(const char* name) const { return get(name, KVH_PARAM_FLOAT).v.d; }
  std::string text(const char* name) const { return get(name, KVH_PARAM_STRING).v.s; }
  std::string choice(const char* name) const { return get(name, KVH_PARAM_CHOICE).v.s; }
  std::string file(const char* name) const { return get(name, KVH_PARAM_FILE).v.s; }
  std::vector<double> reals(const char* name) const {
    const kvh_value& list = get(name, KVH_PARAM_FLOAT_LIST);
    return {list.v.doubles, list.v.doubles + list.count};
  }
  std::optional<int64_t> optional_integer(const char* name) const {
    if (!has(name)) return std::nullopt;
    return integer(name);
  }
  std::optional<double> optional_real(const char* name) const {
    if (!has(name)) return std::nullopt;
    return real(name);
  }

  // What will run; NULL when a description is made without a model. Stays as long as the instance.
  const kvh_model* model() const { return args_->model; }
  // What the host offers; NULL likewise. Stays as long.
  const kvh_host* host() const { return args_->host; }

  // The inner scorer of a wrapper or press.
  Child child() const {
    if (args_->n_children != 1) {
      throw Error(KVH_E_CONFIG,
                  "/inner",
                  std::to_string(args_->n_children) + " inner scorers; expected one");
    }
    return Child(*args_->children[0]);
  }
  // The inner scorers of a wrapper with slots, in the order of the slots; of slot `i` alone.
  std::vector<Child> children() const {
    std::vector<Child> all;
    for (uint32_t i = 0; i < args_->n_children; ++i) all.emplace_back(*args_->children[i]);
    return all;
  }
  std::vector<Child> children(uint32_t slot) const {
    std::vector<Child> of_it;
    for (uint32_t i = 0; i < args_->n_children; ++i)
      if (args_->children[i]->slot == slot) of_it.emplace_back(*args_->children[i]);
    return of_it;
  }

 private:
  const kvh_value& value(const char* name) const {
    for (uint32_t i = 0; i < method_->n_params && i < args_->n_values; ++i) {
      if (std::strcmp(method_->params[i]->name, name) == 0) return args_->values[i];
    }
    throw Error(KVH_E_INTERNAL, "", std::string("no parameter '") + name + "' is declared");
  }
  const kvh_value& get(const char* name, uint32_t type) const {
    const kvh_value& v = value(name);
    if (v.type != type) {
      throw Error(KVH_E_INTERNAL,
                  "",
                  std::string("parameter '") + name + "' read as type " + std::to_string(type) +
                      "; it is declared with type " + std::to_string(v.type));
    }
    if (!v.present) bad_parameter(name, "no value; expected one");
    return v;
  }

  const kvh_method* method_;
  const kvh_create_args* args_;
};

// Keys, values and positions come without asking. One tensor may be asked for in several windows:
// Layer::need() and Head::need() give what a need was answered with, by its number, from 0 on.
class Needs {
 public:
  explicit Needs(kvh_needs& raw) : raw_(&raw) { raw.count = 0; }

  Needs& add(uint32_t tensor, int64_t window = 0, uint32_t flags = 0) {
    if (raw_->count < raw_->capacity) raw_->needs[raw_->count] = {tensor, flags, window, 0, 0, 0};
    ++raw_->count;
    return *this;
  }
  // Of the need that was added last: wanted in this phase only (KVH_PHASE_*); say it again for
  // another one.
  Needs& in_phase(int32_t phase) {
    if (kvh_need* need = last()) need->phases |= 1u << phase;
    return *this;
  }
  // Likewise: of the layers 0, n, 2 n, ... only.
  Needs& every(uint32_t n_layers) {
    if (kvh_need* need = last()) need->layer_stride = n_layers;
    return *this;
  }
  // Softmax rows of the last `window` queries, as Head::window_attention().
  Needs& window_attention(int64_t window) { return add(KVH_T_WINDOW_ATTENTION, window); }

 private:
  // NULL while only the number of needs is asked for.
  kvh_need* last() const {
    return raw_->count > 0 && raw_->count <= raw_->capacity ? &raw_->needs[raw_->count - 1]
                                                            : nullptr;
  }

  kvh_needs* raw_;
};

// What a state of `struct Sequence` may be made from.
class SequenceInfo {
 public:
  explicit SequenceInfo(const kvh_sequence_info& raw) : raw_(&raw) {}
  explicit SequenceInfo(const kvh_sequence_info&&) = delete;
  bool decodes() const { return raw_->phase == KVH_PHASE_DECODE; }
  uint64_t seed() const { return raw_->seed; }
  // Tokens of the prompt; -1: not known.
  int64_t n_prompt() const { return raw_->n_prompt; }
  // Tokens at its end that ask about what stands before; 0: not known, or without reads_prompt().
  int64_t n_question() const {
    int64_t n = 0;
    for (uint32_t i = 0; i < raw_->n_parts; ++i)
      if (raw_->parts[i].kind == KVH_PART_QUESTION) n += raw_->parts[i].end - raw_->parts[i].begin;
    return n;
  }

 private:
  const kvh_sequence_info* raw_;
};

}  // namespace kvhost::sdk
