// SPDX-License-Identifier: Apache-2.0
// From a C++ class to the C tables of method.h. Every function catches everything and fills the
// kvh_error.
#pragma once

#include <memory>
#include <new>
#include <type_traits>

#include "allocation.hpp"
#include "describe.hpp"
#include "own_budget.h"
#include "plugin.h"
#include "sequence.h"

namespace kvhost::sdk {

inline void copy_text(char* to, size_t capacity, const std::string& from) noexcept {
  size_t n = std::min(from.size(), capacity - 1);
  while (n < from.size() && n > 0 && (from[n] & 0xc0) == 0x80) --n;  // not inside a UTF-8 character
  std::memcpy(to, from.data(), n);
  to[n] = '\0';
}

inline kvh_status fail(kvh_error* error, kvh_status code, const char* path, const char* what) {
  if (error && error->struct_size >= KVH_ERROR_SIZE_1_0) {
    error->code = code;
    copy_text(error->path, sizeof error->path, path);
    copy_text(error->message, sizeof error->message, what);
  }
  return code;
}

// Runs `body`, and turns whatever it throws into a status.
template <typename Body>
kvh_status guard(kvh_error* error, const Body& body) noexcept {
  try {
    body();
    return KVH_OK;
  } catch (const Error& e) {
    return fail(error, e.code(), e.path().c_str(), e.what());
  } catch (const std::bad_alloc&) {
    return fail(error, KVH_E_OOM, "", "out of memory");
  } catch (const std::exception& e) {
    return fail(error, KVH_E_INTERNAL, "", e.what());
  } catch (...) {
    return fail(error, KVH_E_INTERNAL, "", "an exception that is no std::exception");
  }
}

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

template <typename M, typename = void>
struct HasNeeds : std::false_type {};
template <typename M>
struct HasNeeds<M, std::void_t<decltype(std::declval<M&>().needs(std::declval<Needs&>()))>>
    : std::true_type {};

template <typename M, typename = void>
struct HasWhen : std::false_type {};
template <typename M>
struct HasWhen<M, std::void_t<decltype(std::declval<M&>().when())>> : std::true_type {};

template <typename M, typename = void>
struct HasObserve : std::false_type {};
template <typename M>
struct HasObserve<M, std::void_t<decltype(&M::observe)>> : std::true_type {};

template <typename M, typename = void>
struct HasAfterCompact : std::false_type {};
template <typename M>
struct HasAfterCompact<M, std::void_t<decltype(&M::after_compact)>> : std::true_type {};

template <typename M, typename = void>
struct HasOwnBudget : std::false_type {};
template <typename M>
struct HasOwnBudget<M, std::void_t<decltype(&M::own_budget)>> : std::true_type {};

template <typename M, typename = void>
struct HasExtension : std::false_type {};
template <typename M>
struct HasExtension<M, std::void_t<decltype(M::extension(std::declval<const char*>()))>>
    : std::true_type {};

// Whether `struct Sequence` says that its copies are values: `static constexpr bool copies = true`.
// Then sequences can be forked. A tensor of libtorch in it is no value.
template <typename S, typename = void>
struct Copies : std::false_type {};
template <typename S>
struct Copies<S, std::void_t<decltype(S::copies)>> : std::bool_constant<S::copies> {};

// Whether allocate() of a head allocator takes const ScoreView&, not const Scores&.
template <typename M, typename S, typename = void>
struct ReadsScores : std::false_type {};
template <typename M, typename S>
struct ReadsScores<M,
                   S,
                   std::void_t<decltype(std::declval<const M&>().allocate(
                       std::declval<S&>(), std::declval<const Layer&>(), std::declval<const ScoreView&>()))>>
    : std::true_type {};
template <typename M>
struct ReadsScores<M,
                   NoSequence,
                   std::void_t<decltype(std::declval<const M&>().allocate(
                       std::declval<const Layer&>(), std::declval<const ScoreView&>()))>>
    : std::true_type {};

// Members of M (all const, so one instance serves all sequences; [Sequence&,] only when M declares
// one, which has a constructor without arguments, from const SequenceInfo&, or from const M& and
// that; what it refuses with KVH_E_UNSUPPORTED is refused before the model's weights are read):
//   M(const Args&);  void needs(Needs&) const;                      the rest by kind
//   scorer, wrapper:  void score([Sequence&,] const Layer&, Scores&) const;
//   head allocator:   std::vector<int64_t> allocate([Sequence&,] const Layer&, const ScoreView&)
//                     const; with edits_scores() const Scores&, to be rewritten
//   layer allocator:  void allocate([Sequence&,] const LayerRequest&, LayerAnswer&) const;
//   both, optional:   uint32_t when() const;  void observe([Sequence&,] const Layer&) const;
//   press:            void edit([Sequence&,] const Layer&, Edit&) const;
//   optional:         void after_compact([Sequence&,] const kvh_moved&) const;
//                     int64_t own_budget(int64_t n_tokens) const;  entries per head, when the user
//                     gives no budget
//                     static const void* extension(const char* id) noexcept;  further parts by id
template <typename M>
struct Glue {
  using Sequence = typename SequenceOf<M>::type;
  static constexpr bool has_sequence = !std::is_same_v<Sequence, NoSequence>;

  static const M& self(const kvh_instance* instance) {
    return *reinterpret_cast<const M*>(instance);
  }
  static Sequence& state(kvh_sequence* sequence) { return *reinterpret_cast<Sequence*>(sequence); }

  static kvh_status create(const kvh_method* method,
                           const kvh_create_args* args,
                           kvh_instance** out,
                           kvh_error* error) noexcept {
    return guard(error,
                 [&] { *out = reinterpret_cast<kvh_instance*>(new M(Args(*method, *args))); });
  }
  static void destroy(kvh_instance* instance) noexcept { delete reinterpret_cast<M*>(instance); }

  static kvh_status needs(const kvh_instance* instance, kvh_needs* out, kvh_error* error) noexcept {
    return guard(error, [&] {
      Needs needs(*out);
      self(instance).needs(needs);
    });
  }
  static kvh_status begin(kvh_instance* instance,
                          const kvh_sequence_info* info,
                          kvh_sequence** out,
                          kvh_error* error) noexcept {
    return guard(error, [&] {
      if constexpr (std::is_constructible_v<Sequence, const M&, const SequenceInfo&>) {
        const SequenceInfo given(*info);
        *out = reinterpret_cast<kvh_sequence*>(new Sequence(self(instance), given));
      } else if constexpr (std::is_constructible_v<Sequence, const SequenceInfo&>) {
        *out = reinterpret_cast<kvh_sequence*>(new Sequence(SequenceInfo(*info)));
      } else {
        (void)instance, (void)info;
        *out = reinterpret_cast<kvh_sequence*>(new Sequence());
      }
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
  static void end(kvh_instance*, kvh_sequence* sequence) noexcept {
    delete reinterpret_cast<Sequence*>(sequence);
  }
  static kvh_status after_compact(kvh_instance* instance,
                                  kvh_sequence* sequence,
                                  const kvh_moved* moved,
                                  kvh_error* error) noexcept {
    return guard(error, [&] {
      if constexpr (HasAfterCompact<M>::value) {
        if constexpr (has_sequence) {
          self(instance).after_compact(state(sequence), *moved);
        } else {
          self(instance).after_compact(*moved);
        }
      }
    });
  }

  static kvh_status score(kvh_instance* instance,
                          kvh_sequence* sequence,
                          const kvh_layer* layer,
                          kvh_scores* out,
                          kvh_error* error) noexcept {
    return guard(error, [&] {
      Scores scores(*out);
      if constexpr (has_sequence) {
        self(instance).score(state(sequence), Layer(*layer), scores);
      } else {
        self(instance).score(Layer(*layer), scores);
      }
    });
  }

  static kvh_status allocate_heads(kvh_instance* instance,
                                   kvh_sequence* sequence,
                                   const kvh_layer* layer,
                                   const kvh_score_view* scores,
                                   kvh_scores* rewrite,
                                   int64_t* budgets,
                                   kvh_error* error) noexcept {
    return guard(error, [&] {
      const auto answer = [&](const auto& seen) {
        if constexpr (has_sequence) {
          return self(instance).allocate(state(sequence), Layer(*layer), seen);
        } else {
          return self(instance).allocate(Layer(*layer), seen);
        }
      };
      std::vector<int64_t> counts;
      if constexpr (ReadsScores<M, Sequence>::value) {
        counts = rewrite ? answer(ScoreView(Scores(*rewrite))) : answer(ScoreView(*scores));
      } else {
        if (!rewrite)
          throw Error(KVH_E_INTERNAL,
                      "",
                      "allocate() takes Scores, to be rewritten; expected edits_scores() in its "
                      "description, or ScoreView");
        counts = answer(Scores(*rewrite));
      }
      if (static_cast<int64_t>(counts.size()) != layer->n_kv_heads) {
        bad_shape("budgets for " + std::to_string(counts.size()) + " heads; expected " +
                  std::to_string(layer->n_kv_heads));
      }
      std::copy(counts.begin(), counts.end(), budgets);
    });
  }

  static uint32_t when(const kvh_instance* instance) noexcept {
    if constexpr (HasWhen<M>::value) return self(instance).when();
    return KVH_WHEN_BEFORE_PREFILL;
  }
  static kvh_status observe(kvh_instance* instance,
                            kvh_sequence* sequence,
                            const kvh_layer* layer,
                            kvh_error* error) noexcept {
    return guard(error, [&] {
      if constexpr (HasObserve<M>::value) {
        if constexpr (has_sequence) {
          self(instance).observe(state(sequence), Layer(*layer));
        } else {
          self(instance).observe(Layer(*layer));
        }
      }
    });
  }
  static kvh_status allocate_layers(kvh_instance* instance,
                                    kvh_sequence* sequence,
                                    const kvh_layer_request* request,
                                    kvh_layer_answer* out,
                                    kvh_error* error) noexcept {
    return guard(error, [&] {
      LayerAnswer answer(*out, request->n_layers);
      if constexpr (has_sequence) {
        self(instance).allocate(state(sequence), LayerRequest(*request), answer);
      } else {
        self(instance).allocate(LayerRequest(*request), answer);
      }
    });
  }
  static kvh_status edit(kvh_instance* instance,
                         kvh_sequence* sequence,
                         const kvh_layer* layer,
                         kvh_edit* out,
                         kvh_error* error) noexcept {
    return guard(error, [&] {
      Edit edit(*out);
      if constexpr (has_sequence) {
        self(instance).edit(state(sequence), Layer(*layer), edit);
      } else {
        self(instance).edit(Layer(*layer), edit);
      }
    });
  }

  static int64_t own_budget(const kvh_instance* instance, int64_t n_tokens) noexcept {
    if constexpr (HasOwnBudget<M>::value) return self(instance).own_budget(n_tokens);
    return 0;
  }
  static const void* extension(const kvh_method*, const char* id) noexcept {
    static constexpr kvh_own_budget own_budget_table{sizeof(kvh_own_budget), 0, own_budget};
    const bool wanted = HasOwnBudget<M>::value && std::strcmp(id, KVH_EXT_OWN_BUDGET) == 0;
    if (wanted) return &own_budget_table;
    if constexpr (Copies<Sequence>::value) {
      static constexpr kvh_sequence_functions table{sizeof(kvh_sequence_functions), 0, copy};
      if (std::strcmp(id, KVH_EXT_SEQUENCE) == 0) return &table;
    }
    if constexpr (HasExtension<M>::value) return M::extension(id);
    return nullptr;
  }

  // A member that one instance for all sequences cannot call would be silently left out.
  static constexpr void check_const() {
    if constexpr (HasNeeds<M>::value)
      static_assert(std::is_invocable_v<decltype(&M::needs), const M&, Needs&>,
                    "needs() must be const: one instance serves all sequences");
    if constexpr (HasWhen<M>::value)
      static_assert(std::is_invocable_v<decltype(&M::when), const M&>,
                    "when() must be const: one instance serves all sequences");
  }

  // [load] The descriptor, made on first use and kept for the life of the process.
  static const kvh_method* method(const void* functions) noexcept {
    check_const();
    try {
      static const kvh_method* const built = [&] {
        kvh_method& m = (new Description(M::describe()))->finish();
        m.create = create;
        m.destroy = destroy;
        if constexpr (HasNeeds<M>::value) m.needs = needs;
        m.begin = has_sequence ? begin : nullptr;
        m.end = has_sequence ? end : nullptr;
        m.after_compact = HasAfterCompact<M>::value ? after_compact : nullptr;
        m.functions = functions;
        m.extension = HasOwnBudget<M>::value || HasExtension<M>::value || Copies<Sequence>::value
                          ? extension
                          : nullptr;
        return &m;
      }();
      return built;
    } catch (...) {
      return nullptr;
    }
  }
};

template <typename M>
const kvh_method* scorer_method() noexcept {
  static constexpr kvh_scorer table{sizeof(kvh_scorer), 0, Glue<M>::score};
  return Glue<M>::method(&table);
}

template <typename M>
const kvh_method* head_allocator_method() noexcept {
  static constexpr kvh_head_allocator table{sizeof(kvh_head_allocator),
                                            0,
                                            Glue<M>::allocate_heads,
                                            HasWhen<M>::value ? Glue<M>::when : nullptr,
                                            HasObserve<M>::value ? Glue<M>::observe : nullptr};
  return Glue<M>::method(&table);
}

template <typename M>
const kvh_method* layer_allocator_method() noexcept {
  static constexpr kvh_layer_allocator table{sizeof(kvh_layer_allocator),
                                             0,
                                             Glue<M>::when,
                                             HasObserve<M>::value ? Glue<M>::observe : nullptr,
                                             Glue<M>::allocate_layers};
  return Glue<M>::method(&table);
}

template <typename M>
const kvh_method* press_method() noexcept {
  static constexpr kvh_press table{sizeof(kvh_press), 0, Glue<M>::edit};
  return Glue<M>::method(&table);
}

}  // namespace kvhost::sdk
