// SPDX-License-Identifier: Apache-2.0
// For presses in C++ that give kept entries a bias (bias.h):
//
//   static const void* extension(const char* id) noexcept { return bias_extension<M>(id); }
//   void edit(const Layer&, Edit&, Biases&) const;
//   void edit(const Layer&, Edit&) const { needs_biases(); }     a host without them
#pragma once

#include "bias.h"
#include "glue.hpp"

namespace kvhost::sdk {

class Biases {
 public:
  explicit Biases(const kvh_biases& raw) : raw_(&raw) {}
  explicit Biases(const kvh_biases&&) = delete;

  // [n_entries] of all entries as they are; NULL: none adds anything.
  const float* held(int32_t h) const { return raw_->held ? raw_->held[h] : nullptr; }
  // [n_kept] to be rewritten.
  float* kept(int32_t h) const { return raw_->kept[h]; }

 private:
  const kvh_biases* raw_;
};

[[noreturn]] inline void needs_biases() {
  throw Error(KVH_E_UNSUPPORTED,
              "",
              "this host keeps no bias beside an entry; expected one that knows " KVH_EXT_BIAS);
}

template <typename M>
const void* bias_extension(const char* id) noexcept {
  struct Table {
    static kvh_status edit(kvh_instance* instance,
                           kvh_sequence* sequence,
                           const kvh_layer* layer,
                           kvh_edit* out,
                           kvh_biases* biases,
                           kvh_error* error) noexcept {
      return guard(error, [&] {
        Edit edit(*out);
        Biases all(*biases);
        if constexpr (Glue<M>::has_sequence) {
          Glue<M>::self(instance).edit(Glue<M>::state(sequence), Layer(*layer), edit, all);
        } else {
          Glue<M>::self(instance).edit(Layer(*layer), edit, all);
        }
      });
    }
  };
  static constexpr kvh_bias_press table{sizeof(kvh_bias_press), 0, Table::edit};
  return std::strcmp(id, KVH_EXT_BIAS) == 0 ? &table : nullptr;
}

}  // namespace kvhost::sdk
