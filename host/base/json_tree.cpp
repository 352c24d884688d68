// SPDX-License-Identifier: Apache-2.0
#include "base/json_tree.hpp"

#include <utility>

#include "base/interrupt.hpp"
#include "base/text.hpp"

namespace kvhost {

JsonTree::JsonTree(RepeatedKeys repeated, Refuse refuse, Malformed malformed)
    : repeated_(repeated), refuse_(std::move(refuse)), malformed_(std::move(malformed)) {}

JsonTree::Json* JsonTree::add(Json value) {
  constexpr size_t kLookAround = 1 << 13;  // values between two looks for Ctrl-C
  if (++n_values_ % kLookAround == 0) throw_if_interrupted();
  if (open_.empty()) {
    root_ = std::move(value);
    return &root_;
  }
  if (open_.back()->is_array()) return &open_.back()->emplace_back(std::move(value));
  *member_ = std::move(value);
  return member_;
}

bool JsonTree::open(Json container) {
  if (open_.size() >= static_cast<size_t>(kDeepestNesting))
    refuse_("is nested more than " + std::to_string(kDeepestNesting) +
            " levels deep; expected at most that many");
  open_.push_back(add(std::move(container)));
  return true;
}

bool JsonTree::close() {
  open_.pop_back();
  return true;
}

bool JsonTree::null() { return add(nullptr) != nullptr; }
bool JsonTree::boolean(bool value) { return add(value) != nullptr; }
bool JsonTree::number_integer(Json::number_integer_t value) { return add(value) != nullptr; }
bool JsonTree::number_unsigned(Json::number_unsigned_t value) { return add(value) != nullptr; }
bool JsonTree::number_float(Json::number_float_t value, const std::string&) {
  return add(value) != nullptr;
}
bool JsonTree::string(std::string& value) { return add(std::move(value)) != nullptr; }
bool JsonTree::binary(Json::binary_t&) { return false; }  // not in text
bool JsonTree::start_object(size_t) { return open(Json::object()); }
bool JsonTree::end_object() { return close(); }
bool JsonTree::start_array(size_t) { return open(Json::array()); }
bool JsonTree::end_array() { return close(); }

bool JsonTree::key(std::string& name) {
  auto& members = open_.back()->get_ref<Json::object_t&>();
  const auto [place, is_new] = members.emplace(name, nullptr);
  if (!is_new && repeated_ == RepeatedKeys::Refused)
    refuse_("names the key " + kvhost::quoted(name) + " twice in one object; expected it once");
  member_ = &place->second;
  return true;
}

bool JsonTree::parse_error(size_t byte, const std::string&, const Json::exception& error) {
  malformed_(byte, error);
  return false;
}

}  // namespace kvhost
