// SPDX-License-Identifier: Apache-2.0
// Passes of a method's own for C++ authors. Beside what every scorer has:
//
//   struct Sequence : kvhost::sdk::PassSequence { ... what is collected ... };
//   static const void* extension(const char* id) noexcept {
//     return kvhost::sdk::passes_extension<M>(id);
//   }
//   PassCost pass_cost(const Prompt&) const;
//   void next_pass(Sequence&, const Prompt&, int64_t index, Pass&) const;
//   void observe_pass(Sequence&, const Layer&, const Columns&) const;
#pragma once

#include "passes.h"
#include "sdk.hpp"

namespace kvhost::sdk {

// The rows and columns are those of kvh_pass.
struct Pass {
  std::vector<int32_t> tokens;
  uint32_t reduce = KVH_REDUCE_MAX;
  uint32_t rows = KVH_ROWS_PLAIN;
  bool per_head = false;
  std::vector<kvh_range> seen;  // none: all of the prompt
  kvh_range columns{0, 0};

  int64_t n_tokens() const { return static_cast<int64_t>(tokens.size()); }
};

// Keeps the pass under way for the host.
struct PassSequence {
  Pass pass;
};

// What the passes come to, added up pass by pass.
struct PassCost {
  bool gradients = false;
  int64_t n_passes = 0, n_tokens = 0, longest = 0, n_columns = 0;

  void add(int64_t tokens, int64_t n_seen) {
    ++n_passes;
    n_tokens += tokens;
    longest = std::max(longest, tokens);
    n_columns += tokens * n_seen;
  }
};

class Columns {
 public:
  explicit Columns(const kvh_columns& raw) : raw_(&raw) {}
  explicit Columns(const kvh_columns&&) = delete;
  int32_t n_rows() const { return raw_->n_rows; }  // n_heads or n_kv_heads
  int64_t n() const { return raw_->n; }
  int64_t first_entry() const { return raw_->first_entry; }  // of each head
  const float* row(int32_t r) const { return raw_->values + r * raw_->n; }

 private:
  const kvh_columns* raw_;
};

template <typename M>
struct PassGlue {
  using G = Glue<M>;

  static kvh_status cost(kvh_instance* instance,
                         const kvh_prompt* prompt,
                         kvh_pass_cost* out,
                         kvh_error* error) noexcept {
    return guard(error, [&] {
      const PassCost cost = G::self(instance).pass_cost(Prompt(*prompt));
      out->gradients = cost.gradients ? 1 : 0;
      out->n_passes = cost.n_passes;
      out->n_tokens = cost.n_tokens;
      out->longest = cost.longest;
      out->n_columns = cost.n_columns;
    });
  }
  static kvh_status next(kvh_instance* instance,
                         kvh_sequence* sequence,
                         const kvh_prompt* prompt,
                         int64_t index,
                         kvh_pass* out,
                         kvh_error* error) noexcept {
    return guard(error, [&] {
      auto& state = G::state(sequence);
      Pass& pass = static_cast<PassSequence&>(state).pass;
      pass = Pass{};
      G::self(instance).next_pass(state, Prompt(*prompt), index, pass);
      out->n_tokens = pass.n_tokens();
      out->tokens = pass.tokens.data();
      out->reduce = pass.reduce;
      out->rows = pass.rows;
      out->per_head = pass.per_head ? 1 : 0;
      out->n_seen = static_cast<uint32_t>(pass.seen.size());
      out->seen = pass.seen.data();
      out->columns = pass.columns;
    });
  }
  static kvh_status observe(kvh_instance* instance,
                            kvh_sequence* sequence,
                            const kvh_layer* layer,
                            const kvh_columns* columns,
                            kvh_error* error) noexcept {
    return guard(error, [&] {
      G::self(instance).observe_pass(G::state(sequence), Layer(*layer), Columns(*columns));
    });
  }
};

template <typename M>
const void* passes_extension(const char* id) noexcept {
  static constexpr kvh_passes table{
      sizeof(kvh_passes), 0, PassGlue<M>::cost, PassGlue<M>::next, PassGlue<M>::observe};
  return std::strcmp(id, KVH_EXT_PASSES) == 0 ? &table : nullptr;
}

}  // namespace kvhost::sdk
