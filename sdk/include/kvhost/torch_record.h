/* SPDX-License-Identifier: Apache-2.0
 *
 * With which libtorch a plugin was built: a text in a section of its file, which a host reads without opening the library and
 * compares with its own. libtorch's C++ functions are those of one version and one C++ ABI: with another one the dynamic loader
 * finds some of them missing at best. kvhost/torch.hpp writes the record; a library that uses libtorch without that header
 * writes it itself, once. A plugin without libtorch has none. */
#ifndef KVHOST_TORCH_RECORD_H_
#define KVHOST_TORCH_RECORD_H_

#include "base.h"

#define KVH_TORCH_SECTION "kvhost_torch"

#define KVH_TORCH_TEXT_(x) #x
#define KVH_TORCH_TEXT(x) KVH_TORCH_TEXT_(x)
/* "2.13.0" of libtorch's own three numbers. */
#define KVH_TORCH_VERSION(major, minor, patch) \
  KVH_TORCH_TEXT(major) "." KVH_TORCH_TEXT(minor) "." KVH_TORCH_TEXT(patch)

#if defined(__has_attribute)
#if __has_attribute(retain)
#define KVH_TORCH_KEPT used, retain,
#endif
#endif
#ifndef KVH_TORCH_KEPT
#define KVH_TORCH_KEPT used,
#endif

/* Where declarations stand. version: "2.13.0"; cxx11_abi: "1", or "0" for a libtorch of before the C++11 ABI of libstdc++. */
#define KVH_TORCH_RECORD(version, cxx11_abi)                                     \
  __attribute__((KVH_TORCH_KEPT section(KVH_TORCH_SECTION))) static const char   \
      kvhost_torch_record[] = "version=" version ";cxx11_abi=" cxx11_abi

#endif /* KVHOST_TORCH_RECORD_H_ */
