// SPDX-License-Identifier: Apache-2.0
// A Python value as templates see it. Everything but an Object is immutable once made, so copies
// share; size and depth of containers are bounded where they are made, so that whatever walks
// through a value ends.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

namespace kvhost::jinja {

class Dict;
class Object;
struct Sequence;

// What iteration over it gives is the same for all; name, item access and truth differ.
enum class SequenceKind { List, Tuple, Range, DictKeys, DictValues, DictItems, Generator };

class Value {
 public:
  Value() = default;  // None
  // `why` is the message of the error that using it raises.
  static Value undefined(std::string why);
  static Value boolean(bool b) { return Value(Data(b)); }
  static Value integer(int64_t i) { return Value(Data(i)); }
  static Value number(double d) { return Value(Data(d)); }
  static Value text(std::string utf8) { return Value(std::move(utf8), /*markup=*/false); }
  // Markup counts as escaped: what is added to it by + is escaped for HTML, as in Jinja.
  static Value markup(std::string utf8) { return Value(std::move(utf8), /*markup=*/true); }
  static Value text_like(const Value& text, std::string utf8) {
    return Value(std::move(utf8), text.is_markup());
  }
  static Value sequence(SequenceKind kind, std::vector<Value> items);
  static Value list(std::vector<Value> items);
  static Value tuple(std::vector<Value> items);
  static Value dict(Dict entries);
  static Value object(std::shared_ptr<Object> object) { return Value(Data(std::move(object))); }

  bool is_none() const { return std::holds_alternative<std::monostate>(data_); }
  bool is_undefined() const { return std::holds_alternative<Why>(data_); }
  bool is_bool() const { return std::holds_alternative<bool>(data_); }
  bool is_float() const { return std::holds_alternative<double>(data_); }
  bool is_text() const { return std::holds_alternative<TextPointer>(data_); }
  bool is_markup() const;
  bool is_sequence() const { return std::holds_alternative<SequencePointer>(data_); }
  bool is_sequence(SequenceKind kind) const;
  bool is_dict() const { return std::holds_alternative<DictPointer>(data_); }
  bool is_object() const { return std::holds_alternative<ObjectPointer>(data_); }
  bool is_integer() const { return std::holds_alternative<int64_t>(data_); }  // no bool
  bool is_number() const { return is_integer() || is_float() || is_bool(); }

  // Each asks for its kind; as_integer takes a bool too, as_double any number.
  const std::string& why() const { return *std::get<Why>(data_); }
  bool as_bool() const { return std::get<bool>(data_); }
  int64_t as_integer() const;
  double as_double() const;
  const std::string& as_text() const;
  const std::shared_ptr<const Sequence>& as_sequence() const {
    return std::get<SequencePointer>(data_);
  }
  const Dict& as_dict() const { return *std::get<DictPointer>(data_); }
  Object& as_object() const { return *std::get<ObjectPointer>(data_); }

  // Cost of walking through all of it: elements plus 64ths of the bytes of its texts.
  uint64_t weight() const;
  int depth() const;                       // of nested containers
  bool same_as(const Value& other) const;  // Python's `is`, as far as a template can tell

 private:
  struct Text {
    std::string utf8;
    bool markup;
  };
  using Why = std::shared_ptr<const std::string>;
  using TextPointer = std::shared_ptr<const Text>;
  using SequencePointer = std::shared_ptr<const Sequence>;
  using DictPointer = std::shared_ptr<const Dict>;
  using ObjectPointer = std::shared_ptr<Object>;
  using Data = std::variant<std::monostate,
                            Why,
                            bool,
                            int64_t,
                            double,
                            TextPointer,
                            SequencePointer,
                            DictPointer,
                            ObjectPointer>;

  explicit Value(Data data) : data_(std::move(data)) {}
  Value(std::string utf8, bool markup);

  Data data_;
};

struct Sequence {
  SequenceKind kind;
  std::vector<Value> items;
  uint64_t weight = 1;
  int depth = 1;
  // Of a generator: what was taken is gone. A generator is made and used by one rendering only.
  mutable size_t taken = 0;
};

// Keeps the order in which keys came. 1, 1.0 and True are one key, as in Python.
class Dict {
 public:
  using Entry = std::pair<Value, Value>;

  const Value* find(const Value& key) const;  // throws Failure for a key that cannot be hashed
  const Value* find(std::string_view key) const;
  void set(Value key, Value value);
  void set(std::string key, Value value) { set(Value::text(std::move(key)), std::move(value)); }

  const std::vector<Entry>& entries() const { return entries_; }
  uint64_t weight() const { return weight_; }
  int depth() const { return depth_; }

 private:
  std::vector<Entry> entries_;
  std::unordered_map<std::string, size_t> index_;
  uint64_t weight_ = 1;
  int depth_ = 1;
};

class Runtime;
struct Arguments;

// Namespaces, macros, methods, functions, loops.
class Object {
 public:
  virtual ~Object() = default;
  virtual std::string type_name() const = 0;  // as Python spells it
  virtual std::string repr() const { return "<" + type_name() + ">"; }
  virtual std::optional<Value> attribute(const std::string&) { return std::nullopt; }
  virtual std::optional<Value> item(const std::string&) { return std::nullopt; }
  virtual bool callable() const { return false; }
  virtual Value call(Runtime& runtime, const Arguments& arguments);
  virtual int depth() const { return 1; }
};

std::string type_name(const Value& value);
bool truthy(const Value& value);

// What iterating over a value gives, in order. Owns it, so that a loop may run over a temporary.
class Elements {
 public:
  explicit Elements(std::shared_ptr<const Sequence> all) : all_(std::move(all)) {}

  auto begin() const { return all_->items.begin(); }
  auto end() const { return all_->items.end(); }
  size_t size() const { return all_->items.size(); }
  bool empty() const { return all_->items.empty(); }
  const Value& operator[](size_t i) const { return all_->items[i]; }
  std::vector<Value> copy() const { return all_->items; }

 private:
  std::shared_ptr<const Sequence> all_;
};

// Empties a generator. Throws Failure for a value that cannot be iterated.
Elements elements(const Value& value);

// Refuses what would make `times` copies of `bytes` bytes before it is made.
void check_growth(uint64_t bytes, uint64_t times);

// What using an undefined value as if it were one raises.
void require_defined(const Value& value);

}  // namespace kvhost::jinja
