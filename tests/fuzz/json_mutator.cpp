// SPDX-License-Identifier: Apache-2.0
#include "fuzz/json_mutator.hpp"

#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <random>
#include <vector>

namespace kvhost::fuzz {
namespace {

using json = nlohmann::json;
using Random = std::minstd_rand;

size_t below(Random& random, size_t n) { return n == 0 ? 0 : random() % n; }

void collect(json& value, std::vector<json*>& all) {
  all.push_back(&value);
  if (value.is_structured())
    for (auto& child : value) collect(child, all);
}

json odd_value(Random& random) {
  static const std::vector<json> kValues = {
      nullptr, true, false, 0, 1, -1, 2, 7, 255, 65535, 65536, INT32_MAX, INT64_MAX, INT64_MIN,
      UINT64_MAX, 0.5, -0.0, 1e-300, 1e300, 1e18, "", " ", "a", "\u0000", "\xEF\xBF\xBD", "0",
      "<s>", "../x", "%s", json::array(), json::object(), json::array({json::array()}),
      json::array({1, 2}), json::object({{"", 0}})};
  if (below(random, 20) == 0) return std::string(below(random, 5000), 'a');
  if (below(random, 20) == 0) {
    json deep = 1;
    for (size_t i = below(random, 130); i > 0; --i) deep = json::array({std::move(deep)});
    return deep;
  }
  return kValues[below(random, kValues.size())];
}

void change_number(json& value, Random& random) {
  const int64_t steps[] = {1, -1, 2, 64, -64, 1000, 65536, INT32_MAX};
  if (value.is_number_float())
    value = value.get<double>() * static_cast<double>(steps[below(random, 8)]);
  else
    value = static_cast<int64_t>(static_cast<uint64_t>(value.get<int64_t>()) +
                                 static_cast<uint64_t>(steps[below(random, 8)]));
}

void change_text(json& value, Random& random) {
  auto& text = value.get_ref<std::string&>();
  const size_t at = below(random, text.size() + 1);
  const char* const bits[] = {" ", "a", ":", "(", "+", "[", "\\", "{%", "{{", "\t", ".*", "|",
                              "\xC3\xA9", "0", "\"", "\xE2\x96\x81"};
  if (below(random, 2) == 0 && !text.empty())
    text.erase(text.begin() + static_cast<std::ptrdiff_t>(at == text.size() ? at - 1 : at));
  else
    text.insert(at, bits[below(random, 16)]);
}

void change_members(json& value, Random& random, std::vector<json*>& all) {
  auto& members = value.get_ref<json::object_t&>();
  if (members.empty()) {
    value["a"] = odd_value(random);
    return;
  }
  auto member = members.begin();
  std::advance(member, static_cast<std::ptrdiff_t>(below(random, members.size())));
  const json copy = member->second;
  const std::string key = member->first;
  switch (below(random, 4)) {
    case 0:
      members.erase(member);
      return;
    case 1:
      members[key + "x"] = copy;
      return;
    case 2:  // a key of another object
      for (json* other = all[below(random, all.size())]; other->is_object() && !other->empty();) {
        members[other->begin().key()] = copy;
        return;
      }
      members.erase(member);
      members["type"] = copy;
      return;
    default:
      member->second = json::array({copy});
  }
}

void change_elements(json& value, Random& random) {
  auto& elements = value.get_ref<json::array_t&>();
  if (elements.empty()) {
    elements.push_back(odd_value(random));
    return;
  }
  const size_t at = below(random, elements.size());
  const json copy = elements[at];
  switch (below(random, 4)) {
    case 0:
      elements.erase(elements.begin() + static_cast<std::ptrdiff_t>(at));
      return;
    case 1:
      elements.push_back(copy);
      return;
    case 2:
      std::swap(elements[at], elements[below(random, elements.size())]);
      return;
    default:
      for (size_t i = below(random, 40); i > 0; --i) elements.push_back(copy);
  }
}

void change(json& root, Random& random) {
  std::vector<json*> all;
  collect(root, all);
  json& value = *all[below(random, all.size())];
  const size_t how = below(random, 8);
  if (how == 0) {
    value = odd_value(random);
  } else if (how == 1) {
    const json other = *all[below(random, all.size())];
    value = other;
  } else if (value.is_number()) {
    change_number(value, random);
  } else if (value.is_string()) {
    change_text(value, random);
  } else if (value.is_object()) {
    change_members(value, random, all);
  } else if (value.is_array()) {
    change_elements(value, random);
  } else {
    value = odd_value(random);
  }
}

}  // namespace

std::string mutate_json(std::string_view text, unsigned seed) {
  Random random(seed);
  // A part that is JSON, with what stands before and behind it.
  std::vector<size_t> starts = {0};
  for (size_t at = text.find("\n=== "); at != text.npos; at = text.find("\n=== ", at + 1)) {
    const size_t line = text.find('\n', at + 1);
    if (line != text.npos) starts.push_back(line + 1);
  }
  const size_t begin = starts[below(random, starts.size())];
  const size_t next = text.find("\n=== ", begin);
  const std::string_view part = text.substr(begin, next == text.npos ? next : next - begin);
  json root = json::parse(part, nullptr, /*allow_exceptions=*/false);
  if (root.is_discarded()) return "";
  for (size_t n = 1 + below(random, 3); n > 0; --n) change(root, random);
  return std::string(text.substr(0, begin)) +
         root.dump(-1, ' ', false, json::error_handler_t::replace) +
         std::string(next == text.npos ? "" : text.substr(next));
}

}  // namespace kvhost::fuzz
