/* SPDX-License-Identifier: Apache-2.0
 *
 * Version, status codes and errors of the kvhost plugin ABI (C11, C++17).
 *
 * Rules that hold for every header in this folder:
 *  - Nothing throws across the boundary. In C++17 every function pointer type is noexcept, so a function
 *    that is not noexcept does not convert.
 *  - A struct that may grow starts with `struct_size`, set by whoever owns it. Fields are only appended. A reader
 *    compares it with the size of 1.0 (layout.h), never with its own sizeof, and asks KVH_HAS(Type, pointer, field)
 *    before it reads a field newer than 1.0.
 *  - Arrays of growable structs are arrays of pointers. Structs marked frozen never grow.
 *  - `reserved` fields are 0. A host refuses what is not, since it may ask for something it does not know.
 *  - Of flags, the low 16 bits must be understood: a host refuses unknown ones. The high 16 may be ignored.
 *  - What one side allocates, that side frees. Inputs are borrowed for the duration of the call.
 *  - All memory is the host's CPU memory unless a flag of a later minor says otherwise.
 *  - Strings are UTF-8 and NUL terminated. A plugin's strings live as long as its library, which is never unloaded. A
 *    text that is NULL is "", a function that is NULL does what its comment says.
 *
 * ABI 1.0 is frozen: what these headers declare stays as it is in all of kvhost 1.x. Later minors append. */
#ifndef KVHOST_BASE_H_
#define KVHOST_BASE_H_

#include <stddef.h>
#include <stdint.h>

#define KVH_MAGIC 0x3148564bu /* "KVH1", little-endian */
#define KVH_ABI_MAJOR 1u
#define KVH_ABI_MINOR 0u

#ifdef __cplusplus
#define KVH_NOEXCEPT noexcept
#define KVH_EXTERN extern "C"
#define KVH_STATIC_ASSERT(condition, words) static_assert(condition, words)
#else
#define KVH_NOEXCEPT
#define KVH_EXTERN extern
#define KVH_STATIC_ASSERT(condition, words) _Static_assert(condition, words)
#endif
#define KVH_EXPORT __attribute__((visibility("default")))

/* True when whoever built the object behind `p` knows field `f`. */
#define KVH_HAS(T, p, f) ((p) != 0 && (p)->struct_size >= offsetof(T, f) + sizeof(((T*)0)->f))

/* The bits of a flags field that must be understood. */
#define KVH_MUST_UNDERSTAND 0xffffu

/* 0 is success, negative an error. A negative number that a reader does not know means KVH_E_INTERNAL. */
typedef int32_t kvh_status;
enum {
  KVH_OK = 0,
  KVH_E_INTERNAL = -1,     /* the method failed for a reason of its own */
  KVH_E_CONFIG = -2,       /* a parameter is wrong; kvh_error.path names it */
  KVH_E_UNSUPPORTED = -3,  /* valid, but not for this model, phase or device */
  KVH_E_ABI = -4,          /* host and plugin cannot work together */
  KVH_E_NEED_MISSING = -5, /* a required tensor was not delivered */
  KVH_E_SHAPE = -6,        /* a tensor has an unexpected shape or dtype */
  KVH_E_OOM = -7,          /* out of memory */
  KVH_E_CANCELLED = -8,    /* the host asked to stop; outputs are discarded */
  KVH_E_RESOURCE = -9      /* a file the method needs is absent or malformed */
};

/* Allocated by the caller of a function, filled by the callee when it returns non-zero, freed by nobody. */
typedef struct kvh_error {
  uint32_t struct_size;
  kvh_status code;
  char path[128];     /* JSON pointer of the offending parameter, e.g. "/params/window_size"; may be empty */
  char message[1024]; /* what was found; what was expected. Truncated if longer */
} kvh_error;

#endif /* KVHOST_BASE_H_ */
