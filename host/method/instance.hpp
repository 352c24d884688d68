// SPDX-License-Identifier: Apache-2.0
// One configured method of a composition: the plugin's instance, its needs, and its state for a
// sequence.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "kvhost/plugin.h"
#include "method/call_guard.hpp"
#include "method/host_services.hpp"
#include "method/saved_states.hpp"
#include "spec/composition.hpp"

namespace kvhost {

// In which phases a composition's methods are called: KVH_PHASE_* as bits.
constexpr uint32_t kPrefillPhases = 1u << KVH_PHASE_PREFILL | 1u << KVH_PHASE_PASS;
constexpr uint32_t kDecodePhases = 1u << KVH_PHASE_DECODE;

// Of two windows, the one that reaches further back; -1 reaches all tokens.
inline int64_t wider(int64_t a, int64_t b) { return a < 0 || b < 0 ? -1 : (a < b ? b : a); }

// What a function of a plugin writes its words into, between strips that it must leave alone.
struct FencedError {
  static constexpr uint64_t kMark = 0xa5a5a5a5a5a5a5a5u;
  uint64_t before = kMark;
  kvh_error error{sizeof(kvh_error), KVH_OK, "", ""};
  uint64_t behind = kMark;

  bool broken() const { return before != kMark || behind != kMark; }
};

class Instance {
 public:
  // Opens the library if needed and creates the configured method (and, for wrappers and presses,
  // what is inside). `child` is the scorer that a press is given. `context` outlives it. Throws
  // Error naming method and parameter.
  Instance(const Node& node,
           const kvh_model* model,
           const Context& context,
           Instance* child,
           uint32_t phases = kPrefillPhases);
  ~Instance();
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;

  const std::string& name() const { return node_.method.name; }
  const std::string& where() const { return node_.where; }  // in the composition, for errors
  const registry::MethodInfo& info() const { return node_.method; }
  // In the method's own order, with those that are never met.
  const std::vector<kvh_need>& needs() const { return needs_; }
  // Whether a need can be met at all: its tensor and flags are known, and it is wanted in a phase in
  // which this instance is called.
  bool is_wanted(const kvh_need& need) const;
  // Largest window this method or anything inside it asks for of a tensor; -1 = all tokens, 0 = not
  // needed.
  int64_t window_of(uint32_t tensor) const;
  // Likewise, but of what must be captured: parts of a layer may end anywhere, so windows inside a
  // wrapper that scores parts need all tokens.
  int64_t captured_window_of(uint32_t tensor) const;
  // How many queries spread over all tokens this method and those inside it ask for.
  std::vector<int64_t> query_spreads() const;
  bool needs_tensor(uint32_t tensor) const;
  bool has_flag(uint32_t flag) const;  // this method or anything inside it
  bool has_own_flag(uint32_t flag) const { return method_->flags & flag; }
  // The scorers inside, in the order of its slots.
  const std::vector<std::unique_ptr<Instance>>& inner() const { return inner_; }
  // Allocators: when it knows its answer, KVH_WHEN_*; asked once.
  uint32_t when() const { return when_; }
  // An optional part of the method, null when it has none of that id.
  const void* extension(const char* id) const;

  // Every call into the plugin goes through this gate: body() makes the call, and what it returns
  // is returned. `function` is a literal as errors name it, "score()"; `layer` < 0: not about one
  // layer. Throws Error when the call left changed what is not the plugin's.
  template <class Body>
  auto enter(const char* function, int64_t layer, const Body& body) const {
    CallGuard guard(*site_, function, layer);
    const auto result = body();
    guard.check();
    return result;
  }
  // For functions that return a status: body(error), and one that is not KVH_OK becomes an Error.
  template <class Body>
  void call(const char* function, int64_t layer, const Body& body) const {
    FencedError fenced;
    const kvh_status status = enter(function, layer, [&] { return body(&fenced.error); });
    check_answer(function, layer, status, fenced);
  }
  // A state for a sequence; a refusal counts as the request's fault, as one of create() does.
  void begin(const kvh_sequence_info& info, kvh_sequence** out) const;
  // For functions that return nothing and must not fail, in destructors.
  template <class Body>
  void leave(const char* function, const Body& body) const noexcept {
    CallGuard guard(*site_, function, -1);
    body();
    guard.check_later();
  }
  // Turns a status that is not KVH_OK into an Error that names method and, when >= 0, layer.
  void check_answer(const char* function,
                    int64_t layer,
                    kvh_status status,
                    const FencedError& fenced) const;
  // An Error(RunFailed) about what a function did: "METHOD, layer N: WHAT in FUNCTION of LIBRARY".
  [[noreturn]] void refuse(const char* function, int64_t layer, const std::string& what) const;

  // Refuses what a function did to an array that it was given: `broken` is what Fenced says.
  void check_fence(const char* function,
                   int64_t layer,
                   const char* broken,
                   const char* array) const;

  const kvh_method* method() const { return method_; }
  kvh_instance* get() const { return instance_; }
  template <class Functions>
  const Functions* functions() const {
    return static_cast<const Functions*>(method_->functions);
  }

 private:
  void add_child(const Instance& child, uint32_t slot);
  void create(const Node& node, const kvh_model* model);
  // Throws Error when create() or begin() refused what it was given, or failed.
  void check_made(const char* function, kvh_status status, const FencedError& fenced) const;
  void check_model(const kvh_model* model) const;
  void read_needs();
  void check_needs() const;
  void read_when();

  struct Info {  // what of the Node outlives the composition
    registry::MethodInfo method;
    std::string where;
  } node_;
  const CallSite* site_;
  PluginHost host_;
  uint32_t phases_;
  const kvh_method* method_ = nullptr;
  kvh_instance* instance_ = nullptr;
  std::vector<std::unique_ptr<Instance>> inner_;
  std::vector<std::unique_ptr<kvh_child>> children_;  // of these, or of the scorer beside a press
  std::vector<kvh_need> needs_;
  uint32_t when_ = KVH_WHEN_BEFORE_PREFILL;
};

// A sequence of which no more is known.
kvh_sequence_info sequence_info(int32_t phase, uint64_t seed = 0, int64_t n_prompt = -1);

// The per-sequence states of an instance and of what is inside it.
class SequenceState {
 public:
  // `beside`: the state of the scorer that a press is given, which lives next to the press and not
  // inside it.
  SequenceState(const Instance& instance,
                const kvh_sequence_info& info,
                SequenceState* beside = nullptr);
  // Goes on as `from` would. Throws Error, naming the method, where a state cannot be copied.
  SequenceState(const SequenceState& from, SequenceState* beside);
  ~SequenceState();
  SequenceState(const SequenceState&) = delete;
  SequenceState& operator=(const SequenceState&) = delete;

  // A state that was saved, from the next of `saved`; throws Error(CannotLoad) where one is of another
  // method.
  SequenceState(const Instance& instance,
                const kvh_sequence_info& info,
                SavedStates& saved,
                SequenceState* beside);

  kvh_sequence* get() const { return sequence_; }
  const Instance& instance() const { return instance_; }
  // Of a method that stands inside, or of the scorer beside a press.
  SequenceState& of(const Instance& child) const;
  // Of this method or one anywhere inside it; null where it is none of them.
  SequenceState* find(const Instance& part);
  void after_compact(const kvh_moved& moved);
  // This state's bytes, and of all inside it, outermost first. Throws Error(RunFailed), naming the
  // method, where one cannot be saved.
  void save(SavedStates& to) const;
  // The method that cannot follow a sequence back to an earlier token, this or one inside; null: none.
  const Instance* stays() const;
  void truncate(int64_t n_seen);

 private:
  const Instance& instance_;
  kvh_sequence* sequence_ = nullptr;
  std::vector<std::unique_ptr<SequenceState>> inner_;  // as Instance::inner()
  SequenceState* beside_ = nullptr;
};

}  // namespace kvhost
