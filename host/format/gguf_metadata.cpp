// SPDX-License-Identifier: Apache-2.0
#include "format/gguf_metadata.hpp"

#include <cmath>
#include <cstring>

#include "base/error.hpp"
#include "format/gguf_cursor.hpp"
#include "format/gguf_values.hpp"

namespace kvhost {

namespace {

// The value as a message shows it.
struct Shown {
  std::string operator()(bool value) const { return value ? "true" : "false"; }
  std::string operator()(uint64_t value) const { return std::to_string(value); }
  std::string operator()(int64_t value) const { return std::to_string(value); }
  std::string operator()(double value) const { return std::to_string(value); }
  std::string operator()(std::string_view value) const { return "'" + gguf::shown(value) + "'"; }
  std::string operator()(const GgufArray& array) const {
    return "an array of " + std::to_string(array.count) + " " + gguf::type_name(array.type);
  }
};

template <class T, class Out>
void widen(const GgufArray& array, std::vector<Out>& out) {
  for (uint64_t i = 0; i < array.count; ++i) {
    T value;
    std::memcpy(&value, array.begin + i * sizeof(T), sizeof(T));
    out.push_back(static_cast<Out>(value));
  }
}

}  // namespace

void GgufMetadata::refuse(const std::string& key, const std::string& expected) const {
  const GgufValue* value = find(key);
  cannot_load(file_->path().string(),
              "'" + key + "' is " + (value ? std::visit(Shown(), *value) : "missing") +
                  "; expected " + expected);
}

const GgufValue* GgufMetadata::find(const std::string& key) const {
  const auto found = values_.find(key);
  return found == values_.end() ? nullptr : &found->second;
}

bool GgufMetadata::has_array(const std::string& key) const {
  const GgufValue* value = find(key);
  return value && std::holds_alternative<GgufArray>(*value);
}

int64_t GgufMetadata::integer(const std::string& key, int64_t lowest, int64_t highest) const {
  const auto wrong = [&] {
    refuse(key, "an integer from " + std::to_string(lowest) + " to " + std::to_string(highest));
  };
  const GgufValue* value = find(key);
  int64_t found = 0;
  if (const auto* wide = value ? std::get_if<uint64_t>(value) : nullptr) {
    if (*wide > static_cast<uint64_t>(INT64_MAX)) wrong();
    found = static_cast<int64_t>(*wide);
  } else if (const auto* narrow = value ? std::get_if<int64_t>(value) : nullptr) {
    found = *narrow;
  } else {
    wrong();
  }
  if (found < lowest || found > highest) wrong();
  return found;
}

int64_t GgufMetadata::integer_or(const std::string& key,
                                 int64_t lowest,
                                 int64_t highest,
                                 int64_t fallback) const {
  return has(key) ? integer(key, lowest, highest) : fallback;
}

std::optional<int32_t> GgufMetadata::token_id(const std::string& key) const {
  if (!has(key)) return std::nullopt;
  const int64_t id = integer(key, -1, UINT32_MAX);
  if (id == -1 || id == UINT32_MAX) return std::nullopt;
  return static_cast<int32_t>(integer(key, 0, INT32_MAX));
}

bool GgufMetadata::flag(const std::string& key) const {
  const GgufValue* value = find(key);
  const auto* found = value ? std::get_if<bool>(value) : nullptr;
  if (!found) refuse(key, "true or false");
  return *found;
}

std::string GgufMetadata::text(const std::string& key) const {
  const GgufValue* value = find(key);
  const auto* found = value ? std::get_if<std::string_view>(value) : nullptr;
  if (!found) refuse(key, "a text");
  return std::string(*found);
}

std::string GgufMetadata::text_or(const std::string& key, const std::string& fallback) const {
  return has(key) ? text(key) : fallback;
}

const GgufArray& GgufMetadata::array(const std::string& key, const char* expected) const {
  const GgufValue* value = find(key);
  const auto* found = value ? std::get_if<GgufArray>(value) : nullptr;
  if (!found) refuse(key, expected);
  return *found;
}

std::vector<std::string> GgufMetadata::texts(const std::string& key) const {
  const GgufArray& found = array(key, "an array of texts");
  if (found.type != GgufType::String) refuse(key, "an array of texts");
  std::vector<std::string> out;
  out.reserve(found.count);
  const std::byte* at = found.begin;
  for (uint64_t i = 0; i < found.count; ++i) {
    uint64_t length = 0;
    std::memcpy(&length, at, sizeof length);
    out.emplace_back(reinterpret_cast<const char*>(at + sizeof length), length);
    at += sizeof length + length;
  }
  return out;
}

std::vector<int64_t> GgufMetadata::integers(const std::string& key) const {
  const GgufArray& found = array(key, "an array of integers");
  std::vector<int64_t> out;
  switch (found.type) {
    case GgufType::Bool:
    case GgufType::U8:
      widen<uint8_t>(found, out);
      break;
    case GgufType::I8:
      widen<int8_t>(found, out);
      break;
    case GgufType::U16:
      widen<uint16_t>(found, out);
      break;
    case GgufType::I16:
      widen<int16_t>(found, out);
      break;
    case GgufType::U32:
      widen<uint32_t>(found, out);
      break;
    case GgufType::I32:
      widen<int32_t>(found, out);
      break;
    case GgufType::U64:
    case GgufType::I64:
      widen<int64_t>(found, out);
      break;
    default:
      refuse(key, "an array of integers");
  }
  return out;
}

std::vector<float> GgufMetadata::floats(const std::string& key) const {
  const GgufArray& found = array(key, "an array of numbers");
  std::vector<float> out;
  if (found.type == GgufType::F32)
    widen<float>(found, out);
  else if (found.type == GgufType::F64)
    widen<double>(found, out);
  else
    refuse(key, "an array of numbers");
  return out;
}

std::string GgufMetadata::bytes(const std::string& key) const {
  const GgufArray& found = array(key, "an array of bytes");
  if (found.type != GgufType::U8 && found.type != GgufType::I8) refuse(key, "an array of bytes");
  return {reinterpret_cast<const char*>(found.begin), found.count};
}

}  // namespace kvhost
