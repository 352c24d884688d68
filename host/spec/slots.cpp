// SPDX-License-Identifier: Apache-2.0
#include "spec/slots.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/text.hpp"

namespace kvhost {
namespace {

using registry::SlotInfo;

size_t most_inside(const std::vector<SlotInfo>& slots) {
  size_t n = 0;
  for (const SlotInfo& slot : slots) n += slot.max;
  return n;
}

std::string kinds_text(const SlotInfo& slot) {
  std::vector<std::string> kinds;
  for (const auto kind : {registry::Kind::Scorer, registry::Kind::Wrapper})
    if (slot.kinds >> static_cast<uint32_t>(kind) & 1) kinds.emplace_back(registry::kind_name(kind));
  return join(kinds, " or ");
}

// "2", "2 to 4", with the slots' names where they have some.
std::string count_text(const std::vector<SlotInfo>& slots) {
  const size_t least = least_inside(slots), most = most_inside(slots);
  std::string text = std::to_string(least);
  if (most > least) text += " to " + std::to_string(most);
  std::vector<std::string> names;
  for (const SlotInfo& slot : slots)
    if (!slot.name.empty()) names.push_back(slot.name);
  return text + (names.empty() ? "" : " (" + join(names, ", ") + ")");
}

// What was written, and room for what was not.
std::string example(const Spec& spec, size_t n) {
  std::vector<std::string> inside;
  for (size_t i = 0; i < n; ++i)
    inside.push_back(i < spec.inner.size() ? spec.inner[i].name : "SCORER");
  return spec.name + ":(" + join(inside, "+") + ")";
}

}  // namespace

std::string called(const Node& node) {
  return "the " + std::string(registry::kind_name(node.method.kind)) + " '" + node.method.name + "'";
}

size_t least_inside(const std::vector<SlotInfo>& slots) {
  if (slots.empty()) return 1;
  size_t n = 0;
  for (const SlotInfo& slot : slots) n += slot.min;
  return n;
}

void check_count(const Spec& spec, const std::vector<SlotInfo>& slots, size_t n) {
  if (slots.empty()) return;
  const size_t least = least_inside(slots), most = most_inside(slots);
  if (n >= least && n <= most) return;
  const std::string& where = n > most ? spec.inner[most].where : spec.where;
  bad_request(where,
              "found " + std::to_string(n) + (n == 1 ? " method" : " methods") + " inside '" + spec.name +
                  "'; expected " + count_text(slots) + ", as in " +
                  example(spec, std::clamp(n, std::max<size_t>(least, 1), most)));
}

std::vector<uint32_t> places_in(const std::vector<SlotInfo>& slots, size_t n) {
  if (slots.empty()) return std::vector<uint32_t>(n, 0);
  std::vector<uint32_t> places;
  size_t behind = least_inside(slots);  // must be left for this slot and those after it
  for (uint32_t i = 0; i < slots.size(); ++i) {
    behind -= slots[i].min;
    const size_t left = n - places.size();
    places.insert(places.end(), std::min<size_t>(slots[i].max, left - behind), i);
  }
  return places;
}

void check_slot(const Node& outer, const SlotInfo& slot, const Node& inner) {
  if (slot.kinds >> static_cast<uint32_t>(inner.method.kind) & 1) return;
  bad_request(inner.where,
              "found " + called(inner) + " in the slot '" + slot.name + "' of '" + outer.method.name +
                  "'; expected a " + kinds_text(slot));
}

}  // namespace kvhost
