// SPDX-License-Identifier: Apache-2.0
// For methods in C++ that read a learned file: who makes it (calibrate.h).
//
//   class Observer {
//     static Description describe();               scorer("name") with parameters and uses(...)
//     explicit Observer(const Args&);
//     void needs(Needs&) const;
//     void observe(const Layer&);                  not const: it learns
//     void finish(Learned&) const;
//   };
//   static const void* extension(const char* id) noexcept {      of the method itself
//     return calibrate_extension<Observer>(id, "my_file.safetensors");
//   }
#pragma once

#include "calibrate.h"
#include "glue.hpp"

namespace kvhost::sdk {

class Learned {
 public:
  explicit Learned(const kvh_learned& raw) : raw_(&raw) {}
  explicit Learned(const kvh_learned&&) = delete;

  // values: row-major, as many as `shape` says.
  void tensor(const char* name, const std::vector<int64_t>& shape, const std::vector<float>& values) {
    kvh_error error{sizeof(kvh_error), KVH_OK, "", ""};
    const kvh_status status = raw_->tensor(
        raw_, name, shape.data(), static_cast<uint32_t>(shape.size()), values.data(), &error);
    if (status != KVH_OK) throw Error(status, "", error.message);
  }

 private:
  const kvh_learned* raw_;
};

template <typename M>
struct ObserverGlue {
  static M& self(kvh_instance* instance) { return *reinterpret_cast<M*>(instance); }

  static kvh_status observe(kvh_instance* instance,
                            const kvh_layer* layer,
                            kvh_error* error) noexcept {
    return guard(error, [&] { self(instance).observe(Layer(*layer)); });
  }
  static kvh_status finish(kvh_instance* instance,
                           const kvh_learned* out,
                           kvh_error* error) noexcept {
    return guard(error, [&] {
      Learned learned(*out);
      self(instance).finish(learned);
    });
  }
  static const kvh_method* method() noexcept {
    static constexpr kvh_observer table{sizeof(kvh_observer), 0, observe, finish};
    return Glue<M>::method(&table);
  }
};

template <typename M>
const void* calibrate_extension(const char* id, const char* file) noexcept {
  static const kvh_calibrate table{sizeof(kvh_calibrate), 0, file, ObserverGlue<M>::method()};
  return std::strcmp(id, KVH_EXT_CALIBRATE) == 0 ? &table : nullptr;
}

}  // namespace kvhost::sdk
