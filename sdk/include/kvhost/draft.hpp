// SPDX-License-Identifier: Apache-2.0
// A draft of the answer for C++ authors (draft.h). Beside what every scorer or wrapper has:
//
//   struct Sequence { ... what is collected ... };
//   static const void* extension(const char* id) noexcept { return draft_extension<M>(id); }
//   int64_t draft_tokens() const;
//   void draft_cut(Sequence&, const Layer&, Scores&, int64_t* n_kept) const;
//   void observe_draft(Sequence&, const Layer&, const kvh_tensor& queries, const int32_t* tokens)
//       const;
#pragma once

#include "draft.h"
#include "sdk.hpp"

namespace kvhost::sdk {

template <typename M>
struct DraftGlue {
  using G = Glue<M>;

  static int64_t n_tokens(const kvh_instance* instance) noexcept {
    return G::self(instance).draft_tokens();
  }
  static kvh_status cut(kvh_instance* instance,
                        kvh_sequence* sequence,
                        const kvh_layer* layer,
                        kvh_scores* out,
                        int64_t* n_kept,
                        kvh_error* error) noexcept {
    return guard(error, [&] {
      Scores scores(*out);
      G::self(instance).draft_cut(G::state(sequence), Layer(*layer), scores, n_kept);
    });
  }
  static kvh_status observe(kvh_instance* instance,
                            kvh_sequence* sequence,
                            const kvh_layer* layer,
                            const kvh_tensor* queries,
                            const int32_t* tokens,
                            kvh_error* error) noexcept {
    return guard(error, [&] {
      G::self(instance).observe_draft(G::state(sequence), Layer(*layer), *queries, tokens);
    });
  }
};

template <typename M>
const void* draft_extension(const char* id) noexcept {
  static constexpr kvh_draft table{
      sizeof(kvh_draft), 0, DraftGlue<M>::n_tokens, DraftGlue<M>::cut, DraftGlue<M>::observe};
  return std::strcmp(id, KVH_EXT_DRAFT) == 0 ? &table : nullptr;
}

}  // namespace kvhost::sdk
