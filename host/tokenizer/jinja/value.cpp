// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/jinja/value.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "tokenizer/jinja/characters.hpp"
#include "tokenizer/jinja/failure.hpp"

namespace kvhost::jinja {

namespace {

constexpr int kMaxDepth = 200;
constexpr uint64_t kMaxWeight = 4'000'000;  // 256 MiB of text
constexpr size_t kMaxText = size_t{64} << 20;

void check_size(uint64_t weight, int depth) {
  if (weight > kMaxWeight) fail("a value of more than 4000000 elements; that is the limit");
  if (depth > kMaxDepth) fail("containers nested more than 200 deep; that is the limit");
}

// Tells keys apart as Python's hash and equality do.
std::string hash_key(const Value& key) {
  if (key.is_text()) return "s" + key.as_text();
  if (key.is_none()) return "none";
  if (key.is_float() && std::trunc(key.as_double()) != key.as_double()) {
    char bytes[sizeof(double)];
    const double number = key.as_double();
    std::memcpy(bytes, &number, sizeof number);
    return "f" + std::string(bytes, sizeof bytes);
  }
  if (key.is_float() && std::abs(key.as_double()) < 9e18)
    return "i" + std::to_string(static_cast<int64_t>(key.as_double()));
  if (key.is_float()) return "f" + std::to_string(key.as_double());
  if (key.is_number()) return "i" + std::to_string(key.as_integer());
  if (key.is_sequence(SequenceKind::Tuple)) {
    std::string all = "t";
    for (const Value& item : key.as_sequence()->items) {
      const std::string one = hash_key(item);
      all += std::to_string(one.size()) + ":" + one;
    }
    return all;
  }
  require_defined(key);
  fail("unhashable type: '" + type_name(key) + "'");
}

}  // namespace

Value::Value(std::string utf8, bool markup) {
  if (utf8.size() > kMaxText) fail("a text of more than 64 MiB; that is the limit");
  data_ = std::make_shared<const Text>(Text{std::move(utf8), markup});
}

Value Value::undefined(std::string why) {
  return Value(Data(std::make_shared<const std::string>(std::move(why))));
}

Value Value::sequence(SequenceKind kind, std::vector<Value> items) {
  auto made = std::make_shared<Sequence>();
  made->kind = kind;
  for (const Value& item : items) {
    made->weight += item.weight();
    made->depth = std::max(made->depth, item.depth() + 1);
  }
  check_size(made->weight, made->depth);
  made->items = std::move(items);
  return Value(Data(SequencePointer(std::move(made))));
}

Value Value::list(std::vector<Value> items) {
  return sequence(SequenceKind::List, std::move(items));
}

Value Value::tuple(std::vector<Value> items) {
  return sequence(SequenceKind::Tuple, std::move(items));
}

Value Value::dict(Dict entries) {
  check_size(entries.weight(), entries.depth());
  return Value(Data(std::make_shared<const Dict>(std::move(entries))));
}

bool Value::is_markup() const {
  const auto* text = std::get_if<TextPointer>(&data_);
  return text != nullptr && (*text)->markup;
}

bool Value::is_sequence(SequenceKind kind) const {
  return is_sequence() && as_sequence()->kind == kind;
}

int64_t Value::as_integer() const { return is_bool() ? as_bool() : std::get<int64_t>(data_); }

double Value::as_double() const {
  return is_float() ? std::get<double>(data_) : static_cast<double>(as_integer());
}

const std::string& Value::as_text() const { return std::get<TextPointer>(data_)->utf8; }

uint64_t Value::weight() const {
  if (is_text()) return 1 + as_text().size() / 64;
  if (is_sequence()) return as_sequence()->weight;
  return is_dict() ? as_dict().weight() : 1;
}

int Value::depth() const {
  if (is_sequence()) return as_sequence()->depth;
  if (is_object()) return as_object().depth();
  return is_dict() ? as_dict().depth() : 0;
}

bool Value::same_as(const Value& other) const {
  if (is_undefined() || other.is_undefined()) return is_undefined() && other.is_undefined();
  if (is_text() && other.is_text()) return as_text() == other.as_text();
  return data_ == other.data_;
}

const Value* Dict::find(const Value& key) const {
  const auto at = index_.find(hash_key(key));
  return at == index_.end() ? nullptr : &entries_[at->second].second;
}

const Value* Dict::find(std::string_view key) const {
  const auto at = index_.find("s" + std::string(key));
  return at == index_.end() ? nullptr : &entries_[at->second].second;
}

void Dict::set(Value key, Value value) {
  weight_ += key.weight() + value.weight();
  depth_ = std::max({depth_, key.depth() + 1, value.depth() + 1});
  const auto [at, is_new] = index_.emplace(hash_key(key), entries_.size());
  if (is_new)
    entries_.emplace_back(std::move(key), std::move(value));
  else
    entries_[at->second].second = std::move(value);
}

Value Object::call(Runtime&, const Arguments&) {
  fail("'" + type_name() + "' object is not callable");
}

std::string type_name(const Value& value) {
  static const char* const kSequences[] = {
      "list", "tuple", "range", "dict_keys", "dict_values", "dict_items", "generator"};
  if (value.is_none()) return "NoneType";
  if (value.is_undefined()) return "Undefined";
  if (value.is_bool()) return "bool";
  if (value.is_integer()) return "int";
  if (value.is_float()) return "float";
  if (value.is_text()) return value.is_markup() ? "Markup" : "str";
  if (value.is_dict()) return "dict";
  if (value.is_object()) return value.as_object().type_name();
  return kSequences[static_cast<int>(value.as_sequence()->kind)];
}

bool truthy(const Value& value) {
  if (value.is_none() || value.is_undefined()) return false;
  if (value.is_bool()) return value.as_bool();
  if (value.is_number()) return value.as_double() != 0;
  if (value.is_text()) return !value.as_text().empty();
  if (value.is_dict()) return !value.as_dict().entries().empty();
  if (value.is_object() || value.is_sequence(SequenceKind::Generator)) return true;
  return !value.as_sequence()->items.empty();
}

Elements elements(const Value& value) {
  std::vector<Value> items;
  if (value.is_sequence(SequenceKind::Generator)) {
    const Sequence& all = *value.as_sequence();
    items.assign(all.items.begin() + static_cast<std::ptrdiff_t>(all.taken), all.items.end());
    all.taken = all.items.size();
  } else if (value.is_sequence()) {
    return Elements(value.as_sequence());
  } else if (value.is_text()) {
    for (std::string& c : characters(value.as_text())) items.push_back(Value::text(std::move(c)));
  } else if (value.is_dict()) {
    for (const Dict::Entry& entry : value.as_dict().entries()) items.push_back(entry.first);
  } else if (!value.is_undefined()) {
    fail("'" + type_name(value) + "' object is not iterable");
  }
  return Elements(Value::list(std::move(items)).as_sequence());
}

void check_growth(uint64_t bytes, uint64_t times) {
  if (bytes != 0 && times > kMaxText / bytes)
    fail("a value of more than 64 MiB; that is the limit");
}

void require_defined(const Value& value) {
  if (value.is_undefined()) fail(value.why());
}

}  // namespace kvhost::jinja
