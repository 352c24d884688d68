/* SPDX-License-Identifier: Apache-2.0
 *
 * The one exported symbol of a plugin, and what the host offers it. Include this header to write a plugin in C;
 * kvhost/sdk.hpp gives C++17 authors a comfortable form of the same. */
#ifndef KVHOST_PLUGIN_H_
#define KVHOST_PLUGIN_H_

#include "method.h"

enum { KVH_LOG_DEBUG = 0, KVH_LOG_INFO = 1, KVH_LOG_WARN = 2, KVH_LOG_ERROR = 3 };

typedef struct kvh_host {
  uint32_t struct_size;
  uint32_t abi_major;
  uint32_t abi_minor;        /* the newest the host speaks */
  uint32_t abi_minor_oldest; /* the oldest plugin minor it still runs */
  const char* version;       /* of kvhost */
  void* impl;
  /* [any thread] A line for the user, on standard error as a rule. The host puts the method's name and where it stands in
   * front, and takes control characters out. KVH_LOG_DEBUG is shown on request only. */
  void (*log)(const struct kvh_host*, int32_t level, const char* text) KVH_NOEXCEPT;
  const void* (*extension)(const struct kvh_host*, const char* id) KVH_NOEXCEPT; /* [any thread] NULL when unknown */
} kvh_host;

/* Constant data, so that magic, size and version are checked before any code of the plugin runs. Host and plugin work
 * together iff abi_major is equal, abi_minor_required <= host.abi_minor and abi_minor >= host.abi_minor_oldest; a
 * refusal says which of these failed. */
typedef struct kvh_plugin {
  uint32_t magic; /* KVH_MAGIC */
  uint32_t struct_size;
  uint32_t abi_major;
  uint32_t abi_minor;          /* of the header it was built with */
  uint32_t abi_minor_required; /* the oldest host it can live with; 0 unless it cannot do without newer things */
  uint32_t n_methods;
  const char* name;    /* of the library, reverse-DNS for third parties: "org.example.pnorm" */
  const char* version; /* "1.0.0" */
  const char* vendor;  /* who ships it; NULL or "": not said */
  const char* license; /* SPDX; likewise */
  /* [load] Once per process, before any method is used; may be NULL. Must not start threads or touch a device. */
  kvh_status (*open)(const kvh_host*, kvh_error*) KVH_NOEXCEPT;
  /* [load, any thread] Method `index` < n_methods; the same pointer every time, valid for the life of the process. */
  const kvh_method* (*method)(uint32_t index) KVH_NOEXCEPT;
} kvh_plugin;

#define KVH_PLUGIN_SYMBOL "kvhost_plugin_v1"
KVH_EXTERN KVH_EXPORT const kvh_plugin kvhost_plugin_v1;

#include "layout.h"

#endif /* KVHOST_PLUGIN_H_ */
