// SPDX-License-Identifier: Apache-2.0
// Everything a C++17 author of a method needs; nothing but the standard library behind it. A whole
// scorer:
//
//   #include <kvhost/sdk.hpp>
//   namespace {
//   class Knorm {
//    public:
//     static kvhost::sdk::Description describe() {
//       return kvhost::sdk::scorer("knorm").summary("keeps keys of small norm").decodes();
//     }
//     explicit Knorm(const kvhost::sdk::Args&) {}
//     void score(const kvhost::sdk::Layer& layer, kvhost::sdk::Scores& out) const { ... }
//   };
//   }  // namespace
//   KVHOST_SCORER(Knorm)
//
// The members each kind may have are listed in glue.hpp. Instances are immutable; what changes from
// call to call lives in `struct Sequence`. Throw kvhost::sdk::Error to refuse.
#pragma once

#include "glue.hpp"
#include "maths.hpp"
#include "parallel.hpp"
#include "rope.hpp"

// Who ships the library and under which licence is for the build to say; "" says nothing.
#ifndef KVHOST_PLUGIN_VERSION
#define KVHOST_PLUGIN_VERSION "1.0.0"
#endif
#ifndef KVHOST_PLUGIN_VENDOR
#define KVHOST_PLUGIN_VENDOR ""
#endif
#ifndef KVHOST_PLUGIN_LICENSE
#define KVHOST_PLUGIN_LICENSE ""
#endif

// A library of several methods: KVHOST_PLUGIN("org.example.norms", scorer_method<A>,
// press_method<B>), with the functions of glue.hpp. The exported table is constant data: nothing
// runs when the library is loaded.
#define KVHOST_PLUGIN(plugin_name, ...)                                                   \
  namespace {                                                                             \
  using KvhostMethodFn = const kvh_method* (*)() noexcept;                                \
  constexpr KvhostMethodFn kvhost_methods[] = {__VA_ARGS__};                              \
  constexpr uint32_t kvhost_n_methods = sizeof kvhost_methods / sizeof kvhost_methods[0]; \
  const kvh_method* kvhost_method(uint32_t index) noexcept {                              \
    return index < kvhost_n_methods ? kvhost_methods[index]() : nullptr;                  \
  }                                                                                       \
  }                                                                                       \
  constexpr kvh_plugin kvhost_plugin_v1 = {KVH_MAGIC,                                     \
                                           sizeof(kvh_plugin),                            \
                                           KVH_ABI_MAJOR,                                 \
                                           KVH_ABI_MINOR,                                 \
                                           /*abi_minor_required=*/0,                      \
                                           kvhost_n_methods,                              \
                                           plugin_name,                                   \
                                           KVHOST_PLUGIN_VERSION,                         \
                                           KVHOST_PLUGIN_VENDOR,                          \
                                           KVHOST_PLUGIN_LICENSE,                         \
                                           /*open=*/nullptr,                              \
                                           kvhost_method};

#ifndef KVHOST_PLUGIN_NAME
#define KVHOST_PLUGIN_NAME(M) #M
#endif
// A library of one method.
#define KVHOST_SCORER(M) KVHOST_PLUGIN(KVHOST_PLUGIN_NAME(M), kvhost::sdk::scorer_method<M>)
#define KVHOST_WRAPPER(M) KVHOST_PLUGIN(KVHOST_PLUGIN_NAME(M), kvhost::sdk::scorer_method<M>)
#define KVHOST_HEAD_ALLOCATOR(M) \
  KVHOST_PLUGIN(KVHOST_PLUGIN_NAME(M), kvhost::sdk::head_allocator_method<M>)
#define KVHOST_LAYER_ALLOCATOR(M) \
  KVHOST_PLUGIN(KVHOST_PLUGIN_NAME(M), kvhost::sdk::layer_allocator_method<M>)
#define KVHOST_PRESS(M) KVHOST_PLUGIN(KVHOST_PLUGIN_NAME(M), kvhost::sdk::press_method<M>)
