// SPDX-License-Identifier: Apache-2.0
#include "press/further_reading.hpp"

#include "base/error.hpp"
#include "kvhost/layout_parts.h"
#include "method/extension.hpp"
#include "press/stage.hpp"

namespace kvhost {
namespace {

template <class Has>
std::vector<const Instance*> methods_with(const Stage& stage, const Has& has) {
  std::vector<const Instance*> methods;
  for (const Instance* one : stage.methods())
    if (has(*one)) methods.push_back(one);
  return methods;
}

}  // namespace

const kvh_draft* draft_of(const Instance& method) {
  const auto* draft = extension_of<kvh_draft>(method, KVH_EXT_DRAFT, KVH_DRAFT_SIZE_1_0);
  if (!draft) return nullptr;
  if (!draft->n_tokens || !draft->cut || !draft->observe)
    cannot_load(method.name(),
                "its " KVH_EXT_DRAFT " lacks a function; expected n_tokens, cut and observe");
  if (!method.method()->begin)
    cannot_load(method.name(),
                "has " KVH_EXT_DRAFT " and keeps no state for a sequence; expected begin and end");
  return draft;
}

const kvh_appendix* appendix_of(const Instance& method) {
  const auto* appendix =
      extension_of<kvh_appendix>(method, KVH_EXT_APPENDIX, KVH_APPENDIX_SIZE_1_0);
  if (appendix && !appendix->get)
    cannot_load(method.name(), "its " KVH_EXT_APPENDIX " lacks a function; expected get");
  return appendix;
}

int64_t draft_tokens(const Instance& method) {
  const kvh_draft& draft = *draft_of(method);
  const int64_t n = method.enter("n_tokens()", -1, [&] { return draft.n_tokens(method.get()); });
  if (n < 1)
    method.refuse(
        "n_tokens()", -1, "wants a draft of " + std::to_string(n) + " tokens; expected 1 or more");
  return n;
}

kvh_appended appended_by(const Instance& method) {
  kvh_appended out{};
  out.struct_size = sizeof out;
  const kvh_appendix& appendix = *appendix_of(method);
  method.call(
      "get()", -1, [&](kvh_error* error) { return appendix.get(method.get(), &out, error); });
  if (out.n_rows < 0 || (out.n_rows > 0 && !out.rows) || (out.n_changes > 0 && !out.changes))
    method.refuse("get()",
                  -1,
                  "appends " + std::to_string(out.n_rows) + " rows with " +
                      std::to_string(out.n_changes) +
                      " changes and lacks an array of them; expected both");
  for (uint32_t i = 0; i < out.n_changes; ++i) {
    const kvh_low_rank& change = out.changes[i];
    if (change.weight <= KVH_WEIGHT_DOWN && change.rank > 0 && change.down && change.up) continue;
    method.refuse("get()",
                  -1,
                  "change " + std::to_string(i) + " is of weight " + std::to_string(change.weight) +
                      " and rank " + std::to_string(change.rank) +
                      "; expected a known weight, a rank above 0 and both matrices");
  }
  return out;
}

std::vector<const Instance*> drafting(const Stage& stage) {
  return methods_with(stage, [](const Instance& one) { return draft_of(one) != nullptr; });
}

std::vector<const Instance*> appending(const Stage& stage) {
  return methods_with(stage, [](const Instance& one) { return appendix_of(one) != nullptr; });
}

int64_t n_appended(const Stage& stage) {
  int64_t n = 0;
  for (const Instance* method : appending(stage)) n += appended_by(*method).n_rows;
  return n;
}

}  // namespace kvhost
