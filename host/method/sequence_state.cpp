// SPDX-License-Identifier: Apache-2.0
// A method's state for one sequence, and what can be done with it: kvhost/sequence.h.
#include "base/error.hpp"
#include "kvhost/layout_parts.h"
#include "method/extension.hpp"
#include "method/fence.hpp"
#include "method/instance.hpp"

namespace kvhost {
namespace {

// Null where the method has no such part.
const kvh_sequence_functions* functions_of(const Instance& instance) {
  return extension_of<kvh_sequence_functions>(
      instance, KVH_EXT_SEQUENCE, KVH_SEQUENCE_FUNCTIONS_SIZE_1_0);
}

bool can_save(const kvh_sequence_functions* functions) {
  return KVH_HAS(kvh_sequence_functions, functions, load) && functions->save && functions->load;
}

bool can_truncate(const kvh_sequence_functions* functions) {
  return KVH_HAS(kvh_sequence_functions, functions, truncate) && functions->truncate;
}

constexpr int64_t kMostBytes = int64_t{1} << 32;  // of one state

std::vector<uint8_t> bytes_of(const Instance& instance,
                              const kvh_sequence_functions& functions,
                              const kvh_sequence* sequence) {
  Fenced<uint8_t> bytes(0, 0);
  int64_t n = 0;
  for (int attempt = 0; attempt < 2; ++attempt) {
    const auto capacity = static_cast<int64_t>(bytes.size());
    instance.call("save()", -1, [&](kvh_error* error) {
      return functions.save(instance.get(), sequence, bytes.data(), capacity, &n, error);
    });
    instance.check_fence("save()", -1, bytes.broken(), "bytes");
    if (n < 0 || n > kMostBytes)
      instance.refuse("save()",
                      -1,
                      "has a state of " + std::to_string(n) + " bytes; expected 0 to " +
                          std::to_string(kMostBytes));
    if (n <= capacity) return {bytes.begin(), bytes.begin() + n};
    bytes = Fenced<uint8_t>(static_cast<size_t>(n), 0);
  }
  instance.refuse("save()", -1, "has more bytes when asked again; expected as many as it said");
}

// The next of the saved ones, which must be this method's.
const SavedState& next_of(const Instance& instance, SavedStates& saved) {
  const std::string expected = "a cache that was saved right after its prompt";
  if (saved.next >= saved.all.size())
    cannot_load(saved.file,
                "holds no state of '" + instance.name() + "'; expected one of every method that keeps "
                "one, or " + expected);
  const SavedState& own = saved.all[saved.next++];
  if (own.method == instance.name() && own.version == instance.info().version) return own;
  cannot_load(saved.file,
              "holds a state of '" + own.method + "' " + own.version + ", and '" + instance.name() +
                  "' " + instance.info().version + " is at work; expected the method that saved it, or " +
                  expected);
}

kvh_sequence* loaded(const Instance& instance,
                     const kvh_sequence_info& info,
                     const SavedState& saved,
                     const std::string& file) {
  const auto* functions = functions_of(instance);
  if (!can_save(functions))
    cannot_load(file,
                "holds a state of '" + instance.name() + "', which has no load() in its " KVH_EXT_SEQUENCE
                "; expected the library that saved it");
  kvh_sequence* sequence = nullptr;
  const auto n = static_cast<int64_t>(saved.bytes.size());
  try {
    instance.call("load()", -1, [&](kvh_error* error) {
      return functions->load(instance.get(), &info, saved.bytes.data(), n, &sequence, error);
    });
  } catch (const Error& error) {
    cannot_load(file, std::string("its state is refused: ") + error.what());
  }
  return sequence;
}

}  // namespace

kvh_sequence_info sequence_info(int32_t phase, uint64_t seed, int64_t n_prompt) {
  return {sizeof(kvh_sequence_info), phase, seed, n_prompt, nullptr, 0, 0};
}

SequenceState::SequenceState(const Instance& instance,
                             const kvh_sequence_info& info,
                             SequenceState* beside)
    : instance_(instance), beside_(beside) {
  for (const auto& inner : instance.inner())
    inner_.push_back(std::make_unique<SequenceState>(*inner, info));
  kvh_sequence_info own = info;
  if (!instance.has_own_flag(KVH_METHOD_READS_PROMPT)) own.parts = nullptr, own.n_parts = 0;
  instance.begin(own, &sequence_);
}

SequenceState::SequenceState(const SequenceState& from, SequenceState* beside)
    : instance_(from.instance_), beside_(beside) {
  for (const auto& inner : from.inner_)
    inner_.push_back(std::make_unique<SequenceState>(*inner, nullptr));
  if (!instance_.method()->begin) return;
  const auto* functions = functions_of(instance_);
  if (!functions || !functions->copy)
    run_failed("fork",
               "'" + instance_.name() + "' keeps a state of its own that cannot be copied; expected "
               "a fork right after the prompt, or a method with " KVH_EXT_SEQUENCE);
  instance_.call("copy()", -1, [&](kvh_error* error) {
    return functions->copy(instance_.get(), from.sequence_, &sequence_, error);
  });
}

SequenceState::SequenceState(const Instance& instance,
                             const kvh_sequence_info& info,
                             SavedStates& saved,
                             SequenceState* beside)
    : instance_(instance), beside_(beside) {
  const SavedState* own = instance.method()->begin ? &next_of(instance, saved) : nullptr;
  for (const auto& inner : instance.inner())
    inner_.push_back(std::make_unique<SequenceState>(*inner, info, saved, nullptr));
  if (own) sequence_ = loaded(instance, info, *own, saved.file);
}

SequenceState::~SequenceState() {
  if (sequence_ && instance_.method()->end)
    instance_.leave("end()",
                    [this] { instance_.method()->end(instance_.get(), sequence_); });
}

SequenceState& SequenceState::of(const Instance& child) const {
  for (const auto& inner : inner_)
    if (&inner->instance_ == &child) return *inner;
  if (beside_ && &beside_->instance_ == &child) return *beside_;
  run_failed(child.name(), "stands not inside '" + instance_.name() + "'; expected one that does");
}

SequenceState* SequenceState::find(const Instance& part) {
  if (&instance_ == &part) return this;
  for (const auto& inner : inner_)
    if (SequenceState* found = inner->find(part)) return found;
  return nullptr;
}

void SequenceState::after_compact(const kvh_moved& moved) {
  if (instance_.method()->after_compact)
    instance_.call("after_compact()", moved.layer, [&](kvh_error* error) {
      return instance_.method()->after_compact(instance_.get(), sequence_, &moved, error);
    });
  for (const auto& inner : inner_) inner->after_compact(moved);
}

void SequenceState::save(SavedStates& to) const {
  if (instance_.method()->begin) {
    const auto* functions = functions_of(instance_);
    if (!can_save(functions))
      run_failed("save",
                 "'" + instance_.name() + "' keeps a state of its own while generating that cannot be "
                 "saved; expected a save right after the prompt, or a method with save() and load() in "
                 "its " KVH_EXT_SEQUENCE);
    to.all.push_back(
        {instance_.name(), instance_.info().version, bytes_of(instance_, *functions, sequence_)});
  }
  for (const auto& inner : inner_) inner->save(to);
}

const Instance* SequenceState::stays() const {
  if (instance_.method()->begin && !can_truncate(functions_of(instance_))) return &instance_;
  for (const auto& inner : inner_)
    if (const Instance* found = inner->stays()) return found;
  return nullptr;
}

void SequenceState::truncate(int64_t n_seen) {
  if (instance_.method()->begin) {
    const auto* functions = functions_of(instance_);
    instance_.call("truncate()", -1, [&](kvh_error* error) {
      return functions->truncate(instance_.get(), sequence_, n_seen, error);
    });
  }
  for (const auto& inner : inner_) inner->truncate(n_seen);
}

}  // namespace kvhost
