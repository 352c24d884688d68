// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/jinja/loop.hpp"

#include "tokenizer/jinja/failure.hpp"
#include "tokenizer/jinja/function.hpp"

namespace kvhost::jinja {

std::optional<Value> Loop::attribute(const std::string& name) {
  const auto at = static_cast<int64_t>(at_), n = static_cast<int64_t>(items_.size());
  if (name == "index0") return Value::integer(at);
  if (name == "index") return Value::integer(at + 1);
  if (name == "revindex0") return Value::integer(n - 1 - at);
  if (name == "revindex") return Value::integer(n - at);
  if (name == "first") return Value::boolean(at == 0);
  if (name == "last") return Value::boolean(at + 1 >= n);
  if (name == "length") return Value::integer(n);
  if (name == "depth") return Value::integer(1);
  if (name == "depth0") return Value::integer(0);
  if (name == "previtem")
    return at > 0 ? items_[at_ - 1] : Value::undefined("there is no previous item");
  if (name == "nextitem")
    return at + 1 < n ? items_[at_ + 1] : Value::undefined("there is no next item");
  if (name == "cycle")
    return make_function("cycle", Value(), [at](Runtime&, const Value&, const Arguments& all) {
      if (all.positional.empty()) fail("no items for cycling given");
      return all.positional[static_cast<size_t>(at) % all.positional.size()];
    });
  if (name == "changed") fail("loop.changed is not supported");
  return std::nullopt;
}

}  // namespace kvhost::jinja
