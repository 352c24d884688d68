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
#include "sequence_glue.hpp"

namespace kvhost::sdk {

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
    if (std::strcmp(id, KVH_EXT_SEQUENCE) == 0 && SequenceGlue<M>::functions())
      return SequenceGlue<M>::functions();
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
        m.begin = has_sequence ? SequenceGlue<M>::begin : nullptr;
        m.end = has_sequence ? SequenceGlue<M>::end : nullptr;
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
