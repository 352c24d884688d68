// SPDX-License-Identifier: Apache-2.0
// What methods exist: read from manifests only, no plugin is opened to answer.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "registry/value.hpp"

struct kvh_method;

namespace kvhost::registry {

enum class Kind {
  Scorer = 1,
  Wrapper = 2,
  HeadAllocator = 3,
  LayerAllocator = 4,
  Press = 5
};                                 // = KVH_KIND_*
const char* kind_name(Kind kind);  // "scorer", "wrapper", "head allocator", ...

struct ParamInfo {
  std::string name, doc, unit;
  uint32_t type = 0;   // KVH_PARAM_*
  uint32_t flags = 0;  // KVH_PARAM_HAS_MIN, ...
  Value def;           // null when there is no default
  double min = 0, max = 0;
  std::vector<std::string> choices;
};

struct NeedInfo {
  uint32_t tensor = 0, flags = 0;  // KVH_T_*, or one of a newer SDK; KVH_NEED_*
  int64_t window = 0;
  uint32_t phases = 0, layer_stride = 0;  // as kvh_need has them
};

// What stands inside a method that holds several, see kvh_slot.
struct SlotInfo {
  std::string name;
  uint32_t kinds = 0;  // bits 1 << KVH_KIND_*
  uint32_t min = 1, max = 1;
};

struct MethodInfo {
  std::string name, version, summary, paper, reference, notes;
  std::vector<std::string> aliases;
  Kind kind = Kind::Scorer;
  uint32_t flags = 0;  // KVH_METHOD_*
  std::vector<ParamInfo> params;
  std::vector<NeedInfo> needs;
  std::vector<SlotInfo> slots;  // empty: what its kind has; a wrapper one scorer
  std::filesystem::path library;                      // absolute
  uint32_t index = 0;                                 // of the method in its library
  std::string plugin, vendor, license, sha256, tier;  // tier: "portable" or "torch"
  std::string torch;  // "2.13.0, C++11 ABI": the libtorch it was built with; "" = none, or not said
  std::string abi;  // "1.0, needs 1.0": what it was built with, and the oldest host it runs on
  std::string default_inner;  // the scorer it takes when none is written inside it; "" = none
  std::string altered;        // of its library, see Altered; "" = it is as its manifest says
  std::string rival;          // another library brings the name too: which one is used; "" = none
  // Of a method that a library hands out beside its list: the descriptor itself, see part_of().
  const kvh_method* part = nullptr;
};

struct ScanFailure {
  std::filesystem::path library;
  std::string stage;   // "folder", "manifest", "describe", "load" or "cache"
  std::string reason;  // what was found; what was expected
};

// A library whose manifest is of other bytes: it was described anew, and whoever uses it is told.
struct Altered {
  std::filesystem::path library;
  std::string reason;
};

struct Shadowed {
  std::string name;
  std::filesystem::path used, ignored;
};

class Catalog {
 public:
  // Scans `folders` in order (earlier ones win, and methods say so where it happened). Libraries without a manifest, or with one of other
  // bytes, are described in a child process (`describe` = path of kvhost-describe) with a deadline;
  // results are cached by sha256 in `cache_file` ("" = none). One of other bytes is told by
  // altered(). A malformed manifest is a failure: it was damaged, and what else was is not known.
  static Catalog scan(const std::vector<std::filesystem::path>& folders,
                      const std::filesystem::path& describe,
                      const std::filesystem::path& cache_file);
  // Of these methods, wherever their descriptions came from.
  static Catalog of(std::vector<MethodInfo> methods, std::vector<ScanFailure> failures = {});

  const std::vector<MethodInfo>& methods() const { return methods_; }  // by kind, then name
  const MethodInfo* find(const std::string& name) const;  // by name or alias; null when unknown
  const std::vector<ScanFailure>& failures() const { return failures_; }
  const std::vector<Altered>& altered() const { return altered_; }
  const std::vector<Shadowed>& shadowed() const { return shadowed_; }
  std::vector<std::string> names() const;

 private:
  void sort();

  std::vector<MethodInfo> methods_;
  std::vector<ScanFailure> failures_;
  std::vector<Altered> altered_;
  std::vector<Shadowed> shadowed_;
};

}  // namespace kvhost::registry
