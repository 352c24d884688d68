// SPDX-License-Identifier: Apache-2.0
#include "serve/json_grammar.hpp"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/json_file.hpp"
#include "serve/fields.hpp"
#include "serve/refusal.hpp"

namespace kvhost {
namespace {

using Json = nlohmann::json;
using Element = Grammar::Element;
using Elements = Grammar::Sequence;

constexpr int kMostDigits = 15, kMostIndent = 16, kMostItems = 64;
constexpr size_t kMostRules = 5000;

struct Level {
  explicit Level(int& depth) : depth_(depth) { ++depth_; }
  ~Level() { --depth_; }
  Level(const Level&) = delete;
  Level& operator=(const Level&) = delete;
  int& depth_;
};

// {a, b, ...} of sequences and elements, one behind the other.
Elements joined(std::initializer_list<Elements> parts) {
  Elements out;
  for (const auto& part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

class JsonGrammar {
 public:
  explicit JsonGrammar(const Json& root) : root_(root) {
    make_space();
    make_string();
    make_numbers();
    make_any();
  }

  int any_object() const { return object_; }
  Grammar take(int value, const std::string& where) {
    if (grammar_.n_rules() > kMostRules)
      refuse_field(where, "is too large; expected a schema of at most a thousand parts");
    if (grammar_.left_recursive())
      refuse_field(where, "holds itself without end; expected a $ref inside an object or a list");
    const int root = grammar_.rule();
    grammar_.add(root, {Grammar::of(value)});
    grammar_.set_root(root);
    return std::move(grammar_);
  }

  int value(const Json& schema, const std::string& where) {
    const Level level(depth_);
    if (depth_ > kDeepestNesting)
      refuse_field(where.substr(0, 100), "is nested more than " + std::to_string(kDeepestNesting) +
                                             " levels deep; expected at most that many");
    if (schema.is_boolean() && schema.get<bool>()) return any_;
    if (!schema.is_object())
      refuse_field(where, "found " + kind_of(schema) + "; expected a schema, an object");
    check_words(schema, where);
    if (schema.contains("$ref")) return reference(schema["$ref"], where);
    if (schema.contains("const")) return literals(Json::array({schema["const"]}), where);
    if (schema.contains("enum")) return literals(schema["enum"], where + ".enum");
    for (const char* choice : {"anyOf", "oneOf"})
      if (schema.contains(choice)) return one_of(schema[choice], where + "." + choice);
    if (!schema.contains("type"))
      return schema.contains("properties") ? object(schema, where) : any_;
    const Json& type = schema["type"];
    if (!type.is_array()) return of_type(type, schema, where);
    if (type.empty()) refuse_field(where + ".type", "found no type; expected one at least");
    const int rule = grammar_.rule();
    for (const auto& one : type)
      grammar_.add(rule, {Grammar::of(of_type(one, schema, where))});
    return rule;
  }

 private:
  static Elements text(std::string_view literal) { return Grammar::literal(literal); }
  Elements space() const { return {Grammar::of(space_)}; }

  // `least` to `most` of them; the further ones are entered one by one.
  int repeated(const Elements& one, int least, int most) {
    int rest = grammar_.rule();
    grammar_.add(rest, {});
    for (int i = most; i > 0; --i) {
      const int next = grammar_.rule();
      if (i > least) grammar_.add(next, {});
      grammar_.add(next, joined({one, {Grammar::of(rest)}}));
      rest = next;
    }
    return rest;
  }

  // One space, or a line and its indent: without end a model would write nothing else.
  void make_space() {
    const int indent = repeated({Grammar::one_of(" ")}, 0, kMostIndent);
    space_ = grammar_.rule();
    grammar_.add(space_, {});
    grammar_.add(space_, text(" "));
    grammar_.add(space_, joined({text("\n"), {Grammar::of(indent)}}));
  }

  void make_string() {
    Element plain = Grammar::range(0x20, 0xff);
    plain.bytes.reset('"').reset('\\');
    const Element hex = Grammar::one_of("0123456789abcdefABCDEF");
    const int escape = grammar_.rule();
    grammar_.add(escape, {Grammar::one_of("\"\\/bfnrt")});
    grammar_.add(escape, {Grammar::one_of("u"), hex, hex, hex, hex});
    const int inside = grammar_.rule();
    grammar_.add(inside, text("\""));
    grammar_.add(inside, {plain, Grammar::of(inside)});
    grammar_.add(inside, {Grammar::one_of("\\"), Grammar::of(escape), Grammar::of(inside)});
    string_ = grammar_.rule();
    grammar_.add(string_, joined({text("\""), {Grammar::of(inside)}}));
  }

  void make_numbers() {
    const Element digit = Grammar::one_of("0123456789");
    const int digits = repeated({digit}, 0, kMostDigits);
    const int whole = grammar_.rule();
    grammar_.add(whole, text("0"));
    grammar_.add(whole, {Grammar::one_of("123456789"), Grammar::of(digits)});
    const int minus = optional(text("-"));
    integer_ = grammar_.rule();
    grammar_.add(integer_, {Grammar::of(minus), Grammar::of(whole)});
    const int fraction = optional({Grammar::one_of("."), digit, Grammar::of(digits)});
    const int sign = optional({Grammar::one_of("+-")});
    const int power = repeated({digit}, 1, 2);
    const int exponent =
        optional({Grammar::one_of("eE"), Grammar::of(sign), Grammar::of(power)});
    number_ = grammar_.rule();
    grammar_.add(number_, {Grammar::of(integer_), Grammar::of(fraction), Grammar::of(exponent)});
  }

  int optional(const Elements& one) {
    const int rule = grammar_.rule();
    grammar_.add(rule, {});
    grammar_.add(rule, one);
    return rule;
  }

  void make_any() {
    any_ = grammar_.rule();
    const Elements member = joined({{Grammar::of(string_)}, space(), text(":"), space(),
                                    {Grammar::of(any_)}, space()});
    object_ = list("{", member, "}");
    array_ = list("[", joined({{Grammar::of(any_)}, space()}), "]");
    for (const int rule : {object_, array_, string_, number_})
      grammar_.add(any_, {Grammar::of(rule)});
    for (const char* word : {"true", "false", "null"}) grammar_.add(any_, text(word));
  }

  // Any number of `one` between `open` and `close`, with commas.
  int list(const char* open, const Elements& one, const char* close) {
    const int more = grammar_.rule();
    grammar_.add(more, text(close));
    grammar_.add(more, joined({text(","), space(), one, {Grammar::of(more)}}));
    const int rule = grammar_.rule();
    grammar_.add(rule, joined({text(open), space(), text(close)}));
    grammar_.add(rule, joined({text(open), space(), one, {Grammar::of(more)}}));
    return rule;
  }

  void check_words(const Json& schema, const std::string& where) const {
    static const std::set<std::string> kKnown = {
        "type", "properties", "required", "items", "minItems", "maxItems", "enum", "const",
        "anyOf", "oneOf", "$ref", "$defs", "definitions", "additionalProperties",
        "title", "description", "default", "examples", "$schema", "$id", "$comment"};
    for (const auto& [key, value] : schema.items())
      if (!kKnown.contains(key))
        refuse_field(where + "." + printable(key),
                     "is not among what answers can be held to; expected " +
                         join({kKnown.begin(), kKnown.end()}, ", "));
    if (schema.contains("additionalProperties") && schema["additionalProperties"] != false &&
        schema.contains("properties"))
      refuse_field(where + ".additionalProperties",
                   "found " + kind_of(schema["additionalProperties"]) +
                       "; expected false where properties are named");
  }

  int of_type(const Json& type, const Json& schema, const std::string& where) {
    if (type == "object") return object(schema, where);
    if (type == "array") return array(schema, where);
    if (type == "string") return string_;
    if (type == "number") return number_;
    if (type == "integer") return integer_;
    if (type == "boolean") return literals({true, false}, where);
    if (type == "null") return literals({nullptr}, where);
    refuse_field(where + ".type",
                 "found " + kind_of(type) +
                     "; expected object, array, string, number, integer, boolean or null");
  }

  int literals(const Json& values, const std::string& where) {
    if (!values.is_array() || values.empty())
      refuse_field(where, "found " + kind_of(values) + "; expected a list of values");
    const int rule = grammar_.rule();
    for (const auto& one : values) grammar_.add(rule, text(json_text(one)));
    return rule;
  }

  int one_of(const Json& schemas, const std::string& where) {
    if (!schemas.is_array() || schemas.empty())
      refuse_field(where, "found " + kind_of(schemas) + "; expected a list of schemas");
    const int rule = grammar_.rule();
    for (size_t i = 0; i < schemas.size(); ++i)
      grammar_.add(rule,
                   {Grammar::of(value(schemas[i], where + "[" + std::to_string(i) + "]"))});
    return rule;
  }

  // A schema may name itself, behind at least one byte.
  int reference(const Json& name, const std::string& where) {
    const std::string path = name.is_string() ? name.get<std::string>() : "";
    if (const auto known = references_.find(path); known != references_.end())
      return known->second;
    const std::string inside = path.starts_with("#") ? path.substr(1) : "?";
    const Json* found = nullptr;
    try {
      const Json::json_pointer pointer(inside);
      if (!inside.empty() && root_.contains(pointer)) found = &root_[pointer];
    } catch (const Json::exception&) {
    }
    if (!found)
      refuse_field(where + ".$ref", "found " + kind_of(name) + "; expected \"#/$defs/NAME\"");
    const Json& target = *found;
    if (target.is_object() && target.contains("$ref"))
      refuse_field(where + ".$ref", "leads to another $ref; expected a schema");
    const int rule = references_[path] = grammar_.rule();
    grammar_.add(rule, {Grammar::of(value(target, path))});
    return rule;
  }

  int array(const Json& schema, const std::string& where) {
    const auto bound = [&](const char* key, int otherwise) {
      if (!schema.contains(key)) return otherwise;
      const Json& n = schema[key];
      if (!n.is_number_integer() || n.get<int64_t>() < 0 || n.get<int64_t>() > kMostItems)
        refuse_field(where + "." + key,
                     "found " + kind_of(n) + "; expected 0 to " + std::to_string(kMostItems));
      return n.get<int>();
    };
    const int least = bound("minItems", 0), most = bound("maxItems", -1);
    const int item = schema.contains("items") ? value(schema["items"], where + ".items") : any_;
    const Elements one = joined({{Grammar::of(item)}, space()});
    if (least == 0 && most < 0) return list("[", one, "]");
    if (most >= 0 && most < least)
      refuse_field(where + ".maxItems", "is less than minItems; expected at least as many");
    const int rule = grammar_.rule();
    if (least == 0) grammar_.add(rule, joined({text("["), space(), text("]")}));
    if (most == 0) return rule;
    const Elements next = joined({text(","), space(), one});
    const int needed = std::max(0, least - 1);
    int rest = 0;
    if (most >= 0) {
      rest = repeated(next, needed, most - 1);
    } else {
      const int more = grammar_.rule();
      grammar_.add(more, {});
      grammar_.add(more, joined({next, {Grammar::of(more)}}));
      rest = grammar_.rule();
      grammar_.add(rest, {Grammar::of(repeated(next, needed, needed)), Grammar::of(more)});
    }
    grammar_.add(rule, joined({text("["), space(), one, {Grammar::of(rest)}, text("]")}));
    return rule;
  }

  int object(const Json& schema, const std::string& where) {
    if (!schema.contains("properties") || schema["properties"].empty()) return object_;
    const Json& properties = schema["properties"];
    if (!properties.is_object())
      refuse_field(where + ".properties",
                   "found " + kind_of(properties) + "; expected an object of schemas");
    std::set<std::string> required;
    if (schema.contains("required"))
      for (const auto& name : schema["required"])
        if (name.is_string()) required.insert(name.get<std::string>());
    // From the last property to the first: what may follow, where one stood before and where none.
    int behind = grammar_.rule(), first = grammar_.rule();
    grammar_.add(behind, text("}"));
    grammar_.add(first, text("}"));
    std::vector<std::string> names;
    for (const auto& [name, property] : properties.items()) names.push_back(name);
    for (auto name = names.rbegin(); name != names.rend(); ++name) {
      const int held = value(properties[*name], where + ".properties." + *name);
      const Elements member = joined({text(json_text(*name)), space(), text(":"), space(),
                                      {Grammar::of(held)}, space(), {Grammar::of(behind)}});
      const int next_behind = grammar_.rule(), next_first = grammar_.rule();
      grammar_.add(next_behind, joined({text(","), space(), member}));
      grammar_.add(next_first, member);
      if (!required.contains(*name)) {
        grammar_.add(next_behind, {Grammar::of(behind)});
        grammar_.add(next_first, {Grammar::of(first)});
      }
      behind = next_behind;
      first = next_first;
    }
    const int rule = grammar_.rule();
    grammar_.add(rule, joined({text("{"), space(), {Grammar::of(first)}}));
    return rule;
  }

  const Json& root_;
  Grammar grammar_;
  int space_ = 0, string_ = 0, integer_ = 0, number_ = 0, any_ = 0, object_ = 0, array_ = 0;
  std::map<std::string, int> references_;
  int depth_ = 0;
};

}  // namespace

Grammar any_object_grammar() {
  const Json none;
  JsonGrammar made(none);
  const int object = made.any_object();
  return made.take(object, "");
}

Grammar schema_grammar(const Json& schema, const std::string& where) {
  JsonGrammar made(schema);
  const int value = made.value(schema, where);
  return made.take(value, where);
}

}  // namespace kvhost
