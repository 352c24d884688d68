// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/json_file.hpp"
#include "base/text.hpp"
#include "tokenizer/jinja/failure.hpp"
#include "tokenizer/jinja/json.hpp"

namespace kvhost::jinja {

namespace {

using nlohmann::json;

// Builds values without a document in between: keys keep their order, numbers their kind.
class Builder : public json::json_sax_t {
 public:
  bool null() override { return add(Value()); }
  bool boolean(bool value) override { return add(Value::boolean(value)); }
  bool number_integer(number_integer_t value) override { return add(Value::integer(value)); }
  bool number_unsigned(number_unsigned_t value) override {
    if (value > static_cast<uint64_t>(INT64_MAX)) fail("holds an integer of more than 64 bits; expected a smaller one");
    return add(Value::integer(static_cast<int64_t>(value)));
  }
  bool number_float(number_float_t value, const string_t& text) override {
    if (text.find_first_of(".eE") == string_t::npos) fail("holds an integer of more than 64 bits; expected a smaller one");
    return add(Value::number(value));
  }
  bool string(string_t& value) override { return add(Value::text(value)); }
  bool binary(binary_t&) override { return false; }
  bool start_object(size_t) override { return open(true); }
  bool start_array(size_t) override { return open(false); }
  bool key(string_t& name) override {
    levels_.back().key = name;
    return true;
  }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool parse_error(size_t at, const std::string&, const json::exception& error) override {
    // Without nlohmann's own "[json.exception...] parse error at line ...: ".
    const std::string what = error.what();
    const size_t after = what.find(error.id == 406 ? "] " : ": ");
    position_ = at;
    error_ = printable(after == std::string::npos ? what : what.substr(after + 2));
    if (error_.find("; expected") == std::string::npos) error_ += "; expected JSON, in UTF-8";
    return false;
  }

  const Value& value() const { return value_; }
  size_t position() const { return position_; }
  const std::string& error() const { return error_; }

 private:
  struct Level {
    bool is_object;
    std::string key;
    Dict dict;
    std::vector<Value> items;
  };

  bool open(bool is_object) {
    if (levels_.size() >= static_cast<size_t>(kDeepestNesting))
      fail("is nested more than " + std::to_string(kDeepestNesting) +
           " levels deep; expected at most that many");
    levels_.push_back({is_object, "", {}, {}});
    return true;
  }

  bool close() {
    Level level = std::move(levels_.back());
    levels_.pop_back();
    return add(level.is_object ? Value::dict(std::move(level.dict))
                               : Value::list(std::move(level.items)));
  }

  bool add(Value value) {
    if (levels_.empty())
      value_ = std::move(value);
    else if (levels_.back().is_object)
      levels_.back().dict.set(std::move(levels_.back().key), std::move(value));
    else
      levels_.back().items.push_back(std::move(value));
    return true;
  }

  std::vector<Level> levels_;
  Value value_;
  size_t position_ = 0;
  std::string error_;
};

std::string place(std::string_view text, size_t position) {
  const std::string_view before = text.substr(0, std::min(position, text.size()));
  const auto lines = std::count(before.begin(), before.end(), '\n');
  const size_t line_break = before.rfind('\n');
  const size_t column = before.size() - (line_break == std::string_view::npos ? 0 : line_break + 1);
  return "line " + std::to_string(lines + 1) + ", column " +
         std::to_string(std::max<size_t>(column, 1));
}

}  // namespace

Value parse_json_value(std::string_view text, const std::string& name) {
  Builder builder;
  try {
    if (json::sax_parse(text.begin(), text.end(), &builder)) return builder.value();
  } catch (const Failure& failure) {
    bad_request(name, failure.what());
  }
  bad_request(name, "not JSON at " + place(text, builder.position()) + ": " + builder.error());
}

}  // namespace kvhost::jinja
