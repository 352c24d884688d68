// SPDX-License-Identifier: Apache-2.0
// A composition as the user wrote it: names, parameters, nesting. Not yet checked against any
// registry.
//
// Text:  name(key=value, ...):inner      a:b nests, a+b applies one after the other, (a+b) groups;
//                                        behind a method that holds several, a:(b+c) is b and c in it
// JSON:  {"press": name, "params": {...}, "inner": {...} | [...]}   an array of inners is (a+b)
#pragma once

#include <string>
#include <vector>

#include "registry/value.hpp"

namespace kvhost {

struct SpecParam {
  std::string name;
  registry::Value value;
  std::string where;  // for errors: "--press, column 8" or "/params/window_size"
};

struct Spec {
  std::string name;
  std::vector<SpecParam> params;
  std::vector<Spec> inner;  // one per nesting step; several: of a method that holds several
  std::string where;
};

// One or several (joined by +) specs of a whole text. `flag` names the source in errors
// ("--press"). Throws Error(BadRequest) naming the column.
std::vector<Spec> parse_spec_text(const std::string& text, const std::string& flag);

// `json` is an object or array as text, `origin` its JSON pointer in its file ("" for the root),
// `file` precedes it in errors. Throws Error(BadRequest) naming the pointer.
std::vector<Spec> parse_spec_json(const std::string& json,
                                  const std::string& file,
                                  const std::string& origin);

}  // namespace kvhost
