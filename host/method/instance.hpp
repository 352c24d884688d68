// SPDX-License-Identifier: Apache-2.0
// One configured method of a composition: the plugin's instance, its needs, and its state for a
// sequence.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "kvhost/plugin.h"
#include "method/call_guard.hpp"
#include "spec/composition.hpp"

namespace kvhost {

// Turns a plugin's failure into an Error that names method and, when >= 0, layer.
[[noreturn]] void raise_plugin_error(const std::string& method,
                                     int64_t layer,
                                     kvh_status status,
                                     const kvh_error& error);
kvh_error make_error();

class Instance {
 public:
  // Opens the library if needed and creates the configured method (and, for wrappers and presses,
  // what is inside). `child` is the scorer that a press is given. Throws Error naming method and
  // parameter.
  Instance(const Node& node, const kvh_model* model, const kvh_host& host, Instance* child);
  ~Instance();
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;

  const std::string& name() const { return node_.method.name; }
  const std::string& where() const { return node_.where; }  // in the composition, for errors
  const registry::MethodInfo& info() const { return node_.method; }
  const std::vector<kvh_need>& needs() const { return needs_; }
  // Largest window this method or anything inside it asks for of a tensor; -1 = all tokens, 0 = not
  // needed.
  int64_t window_of(uint32_t tensor) const;
  // Likewise, but of what must be captured: parts of a layer may end anywhere, so windows inside a
  // wrapper that scores parts need all tokens.
  int64_t captured_window_of(uint32_t tensor) const;
  bool needs_tensor(uint32_t tensor) const;
  bool has_flag(uint32_t flag) const;  // this method or anything inside it
  bool has_own_flag(uint32_t flag) const { return method_->flags & flag; }
  Instance* inner() const { return inner_.get(); }

  // Every call into the plugin goes through one of these two. `layer` < 0: not about one layer.
  // body(error) returns a status; one that is not KVH_OK becomes an Error.
  template <class Body>
  void call(int64_t layer, const Body& body) const {
    kvh_error error = make_error();
    const CallGuard guard(name(), layer);
    const kvh_status status = body(&error);
    if (status != KVH_OK) raise_plugin_error(name(), layer, status, error);
  }
  // For what cannot fail: returns what body() does.
  template <class Body>
  auto ask(const Body& body) const {
    const CallGuard guard(name(), -1);
    return body();
  }

  const kvh_method* method() const { return method_; }
  kvh_instance* get() const { return instance_; }
  template <class Interface>
  const Interface* interface() const {
    return static_cast<const Interface*>(method_->interface);
  }

 private:
  void read_needs();

  struct Info {  // what of the Node outlives the composition
    registry::MethodInfo method;
    std::string where;
  } node_;
  const kvh_method* method_ = nullptr;
  kvh_instance* instance_ = nullptr;
  std::unique_ptr<Instance> inner_;
  kvh_child child_{};
  std::vector<kvh_need> needs_;
};

// The per-sequence states of an instance and of what is inside it.
class SequenceState {
 public:
  // `beside`: the state of the scorer that a press is given, which lives next to the press and not
  // inside it.
  explicit SequenceState(const Instance& instance, SequenceState* beside = nullptr);
  ~SequenceState();
  SequenceState(const SequenceState&) = delete;
  SequenceState& operator=(const SequenceState&) = delete;

  kvh_sequence* get() const { return sequence_; }
  SequenceState* inner() const { return inner_ ? inner_.get() : beside_; }
  void after_compact(const kvh_moved& moved);

 private:
  const Instance& instance_;
  kvh_sequence* sequence_ = nullptr;
  std::unique_ptr<SequenceState> inner_;
  SequenceState* beside_ = nullptr;
};

}  // namespace kvhost
