// SPDX-License-Identifier: Apache-2.0
// From `struct Sequence` of a method to the functions of its states: begin, end, and what sequence.h
// has.
#pragma once

#include <memory>
#include <type_traits>

#include "args.hpp"
#include "guard.hpp"
#include "sequence.h"
#include "state_bytes.hpp"

namespace kvhost::sdk {

// The state of a method that declares `struct Sequence`; methods without one never see this.
struct NoSequence {};
template <typename M, typename = void>
struct SequenceOf {
  using type = NoSequence;
};
template <typename M>
struct SequenceOf<M, std::void_t<typename M::Sequence>> {
  using type = typename M::Sequence;
};

// Whether `struct Sequence` says that its copies are values: `static constexpr bool copies = true`.
// Then sequences can be forked. A tensor of libtorch in it is no value. With fields() too it is saved
// with its sequence (state_bytes.hpp), with truncate() it goes back with one.
template <typename S, typename = void>
struct Copies : std::false_type {};
template <typename S>
struct Copies<S, std::void_t<decltype(S::copies)>> : std::bool_constant<S::copies> {};

template <typename M>
struct SequenceGlue {
  using Sequence = typename SequenceOf<M>::type;

  static std::unique_ptr<Sequence> begun(kvh_instance* instance, const kvh_sequence_info& info) {
    const SequenceInfo given(info);
    (void)instance, (void)given;
    if constexpr (std::is_constructible_v<Sequence, const M&, const SequenceInfo&>)
      return std::make_unique<Sequence>(*reinterpret_cast<const M*>(instance), given);
    else if constexpr (std::is_constructible_v<Sequence, const SequenceInfo&>)
      return std::make_unique<Sequence>(given);
    else
      return std::unique_ptr<Sequence>(new Sequence());  // an aggregate too
  }
  static kvh_status begin(kvh_instance* instance,
                          const kvh_sequence_info* info,
                          kvh_sequence** out,
                          kvh_error* error) noexcept {
    return guard(error, [&] {
      *out = reinterpret_cast<kvh_sequence*>(begun(instance, *info).release());
    });
  }
  static kvh_status copy(kvh_instance*,
                         const kvh_sequence* from,
                         kvh_sequence** out,
                         kvh_error* error) noexcept {
    return guard(error, [&] {
      const Sequence& state = *reinterpret_cast<const Sequence*>(from);
      *out = reinterpret_cast<kvh_sequence*>(new Sequence(state));
    });
  }
  static kvh_status truncate(kvh_instance*,
                             kvh_sequence* sequence,
                             int64_t n_seen,
                             kvh_error* error) noexcept {
    return guard(error, [&] {
      (void)sequence, (void)n_seen;
      if constexpr (HasTruncate<Sequence>::value)
        reinterpret_cast<Sequence*>(sequence)->truncate(n_seen);
    });
  }
  static kvh_status save(kvh_instance*,
                         const kvh_sequence* sequence,
                         uint8_t* bytes,
                         int64_t capacity,
                         int64_t* n,
                         kvh_error* error) noexcept {
    return guard(error, [&] {
      if constexpr (HasFields<Sequence>::value) {
        StateWriter writer;  // it reads only
        const_cast<Sequence&>(*reinterpret_cast<const Sequence*>(sequence)).fields(writer);
        *n = static_cast<int64_t>(writer.bytes().size());
        if (*n <= capacity) std::copy(writer.bytes().begin(), writer.bytes().end(), bytes);
      }
    });
  }
  static kvh_status load(kvh_instance* instance,
                         const kvh_sequence_info* info,
                         const uint8_t* bytes,
                         int64_t n,
                         kvh_sequence** out,
                         kvh_error* error) noexcept {
    return guard(error, [&] {
      if constexpr (HasFields<Sequence>::value) {
        auto loaded = begun(instance, *info);
        StateReader reader(bytes, n);
        loaded->fields(reader);
        reader.end();
        *out = reinterpret_cast<kvh_sequence*>(loaded.release());
      }
    });
  }
  static void end(kvh_instance*, kvh_sequence* sequence) noexcept {
    delete reinterpret_cast<Sequence*>(sequence);
  }

  // What can be done with a state; NULL: only used.
  static const kvh_sequence_functions* functions() noexcept {
    static_assert(Copies<Sequence>::value ||
                      !(HasFields<Sequence>::value || HasTruncate<Sequence>::value),
                  "a Sequence with fields() or truncate() is a value: say `static constexpr bool "
                  "copies = true` in it");
    if constexpr (Copies<Sequence>::value) {
      constexpr bool saves = HasFields<Sequence>::value;
      static constexpr kvh_sequence_functions table{
          sizeof(kvh_sequence_functions),
          0,
          copy,
          HasTruncate<Sequence>::value ? truncate : nullptr,
          saves ? save : nullptr,
          saves ? load : nullptr};
      return &table;
    } else {
      return nullptr;
    }
  }
};

}  // namespace kvhost::sdk
