// SPDX-License-Identifier: Apache-2.0
#include "slots.hpp"

#include <set>
#include <stdexcept>

#include "kvhost/layout.h"
#include "validate.hpp"
#include "words.hpp"

namespace kvhost::registry {
namespace {

constexpr uint32_t kScorers = 1u << KVH_KIND_SCORER | 1u << KVH_KIND_WRAPPER;
constexpr uint32_t kMostChildren = 16;  // of one method

bool is_usual(const SlotInfo& slot, Kind kind) {
  if (slot.kinds != kScorers || slot.max != 1) return false;
  return kind == Kind::Wrapper ? slot.min == 1 : kind == Kind::Press && slot.min <= 1;
}

// Of one slot by itself; "" when nothing is wrong.
std::string fault(const SlotInfo& slot) {
  const std::string called = slot.name.empty() ? "a slot" : "slot '" + slot.name + "'";
  if (!slot.name.empty() && !is_name(slot.name)) return called + " has such a name; expected [a-z][a-z0-9_]*";
  if (!slot.kinds || (slot.kinds & ~kScorers))
    return called + " is for kinds " + std::to_string(slot.kinds) +
           " that this kvhost does not put there; expected scorers or wrappers, or a newer kvhost";
  if (slot.max == 0 || slot.min > slot.max)
    return called + " takes " + std::to_string(slot.min) + " to " + std::to_string(slot.max) +
           "; expected min <= max, and 1 at least as max";
  return "";
}

std::string fault(const std::vector<SlotInfo>& slots, Kind kind) {
  if (slots.empty() || (slots.size() == 1 && is_usual(slots[0], kind))) return "";
  if (kind != Kind::Wrapper)
    return "has slots that this kvhost does not know; expected them in a wrapper, or one of a scorer or "
           "wrapper in a press, or a newer kvhost";
  std::set<std::string> names;
  uint64_t least = 0, most = 0;
  for (const SlotInfo& slot : slots) {
    if (const std::string wrong = fault(slot); !wrong.empty()) return wrong;
    if (slots.size() > 1 && (slot.name.empty() || !names.insert(slot.name).second))
      return "has " + std::to_string(slots.size()) + " slots, one of them named '" + slot.name +
             "'; expected a name for each, of its own";
    least += slot.min;
    most += slot.max;
  }
  if (least == 0) return "has slots that may all stay empty; expected one scorer inside at least";
  if (most > kMostChildren)
    return "has slots for " + std::to_string(most) + "; expected at most " +
           std::to_string(kMostChildren) + " together";
  return "";
}

SlotInfo info_of(const kvh_slot& slot) {
  return {slot.name ? slot.name : "", slot.kinds, slot.min, slot.max};
}

std::vector<SlotInfo> all_slots(const kvh_method& method) {
  std::vector<SlotInfo> slots;
  for (uint32_t i = 0; i < method.n_slots; ++i) slots.push_back(info_of(*method.slots[i]));
  return slots;
}

}  // namespace

void validate_slots(const kvh_method& method, const std::string& where) {
  if (method.n_slots == 0) return;
  if (!method.slots) refuse(where, "slots is NULL; expected " + std::to_string(method.n_slots));
  if (method.n_slots > kMostChildren)
    refuse(where,
           "has " + std::to_string(method.n_slots) + " slots; expected at most " +
               std::to_string(kMostChildren));
  for (uint32_t i = 0; i < method.n_slots; ++i) {
    const kvh_slot* slot = method.slots[i];
    const std::string called = "slot " + std::to_string(i);
    if (!slot) refuse(where, "its " + called + " is NULL");
    validate_size(slot->struct_size, KVH_SLOT_SIZE_1_0, where, "its " + called);
    validate_reserved(slot->flags | slot->reserved, where + ", " + called);
    validate_text(slot->name, where, "the name of its " + called);
  }
  const std::string wrong = fault(all_slots(method), static_cast<Kind>(method.kind));
  if (!wrong.empty()) refuse(where, wrong);
}

std::vector<SlotInfo> slots_of(const kvh_method& method) {
  std::vector<SlotInfo> slots = all_slots(method);
  if (slots.size() == 1 && is_usual(slots[0], static_cast<Kind>(method.kind))) slots.clear();
  return slots;
}

void check_slots(const std::vector<SlotInfo>& slots, Kind kind, const std::string& where) {
  const std::string wrong = fault(slots, kind);
  if (!wrong.empty()) throw std::runtime_error(where + " " + wrong);
}

}  // namespace kvhost::registry
