// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/json_node.hpp"

#include "base/error.hpp"
#include "base/json_file.hpp"
#include "base/text.hpp"

namespace kvhost::tok {

using nlohmann::json;

namespace {

std::string shortened(const json& value) {
  const std::string text = json_text(value);
  return text.size() <= 60 ? text
                           : std::string(value.type_name()) + " of " + std::to_string(value.size());
}

// The key as a JSON pointer's segment.
std::string segment(const std::string& key) {
  std::string out = "/";
  for (const char c : key) out += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
  return out;
}

}  // namespace

JsonNode::JsonNode(const json& root, const std::string& file)
    : JsonNode(&root, std::make_shared<const std::string>(file), "") {}

JsonNode::JsonNode(const json* value, std::shared_ptr<const std::string> file, std::string pointer)
    : value_(value), file_(std::move(file)), pointer_(std::move(pointer)) {}

void JsonNode::fail(const std::string& what, const std::string& below) const {
  const std::string place = pointer_ + below;
  cannot_load(place.empty() ? *file_ : *file_ + "#" + place, what);
}

void JsonNode::fail_type(const std::vector<std::string>& supported) const {
  const std::string found = type();
  fail("type '" + found + "' is not supported; expected one of " + join(supported, ", ") +
           did_you_mean(found, supported),
       "/type");
}

void JsonNode::fail_kind(const std::string& expected) const {
  fail("found " + shortened(*value_) + "; expected " + expected);
}

JsonNode JsonNode::at(const std::string& key) const {
  if (!value_->is_object()) fail_kind("an object with '" + key + "'");
  const auto it = value_->find(key);
  if (it == value_->end()) {
    std::vector<std::string> present;
    for (const auto& entry : value_->items()) present.push_back(entry.key());
    fail("'" + key + "' is missing; found " + (present.empty() ? "nothing" : join(present, ", ")));
  }
  return {&*it, file_, pointer_ + segment(key)};
}

std::optional<JsonNode> JsonNode::find(const std::string& key) const {
  if (!value_->is_object()) fail_kind("an object");
  const auto it = value_->find(key);
  if (it == value_->end() || it->is_null()) return std::nullopt;
  return JsonNode(&*it, file_, pointer_ + segment(key));
}

std::vector<JsonNode> JsonNode::items() const {
  if (!value_->is_array()) fail_kind("a list");
  std::vector<JsonNode> out;
  for (size_t i = 0; i < value_->size(); ++i)
    out.push_back(JsonNode(&(*value_)[i], file_, pointer_ + "/" + std::to_string(i)));
  return out;
}

std::string JsonNode::as_string() const {
  if (!value_->is_string()) fail_kind("a string");
  return value_->get<std::string>();
}

std::string JsonNode::string_or(const std::string& key, const std::string& otherwise) const {
  const auto node = find(key);
  return node ? node->as_string() : otherwise;
}

bool JsonNode::bool_or(const std::string& key, bool otherwise) const {
  const auto node = find(key);
  if (!node) return otherwise;
  if (!node->value_->is_boolean()) node->fail_kind("true or false");
  return node->value_->get<bool>();
}

std::optional<int32_t> token_id(const nlohmann::json& value) {
  if (!value.is_number_integer()) return {};
  // a number beyond int64's range is read as unsigned
  if (value.is_number_unsigned() && value.get<uint64_t>() > static_cast<uint64_t>(kLargestId)) return {};
  const auto id = value.get<int64_t>();
  if (id < 0 || id > kLargestId) return {};
  return static_cast<int32_t>(id);
}

int64_t JsonNode::integer_or(const std::string& key, int64_t otherwise) const {
  const auto node = find(key);
  if (!node) return otherwise;
  if (!node->value_->is_number_integer()) node->fail_kind("an integer");
  return node->value_->get<int64_t>();
}

}  // namespace kvhost::tok
