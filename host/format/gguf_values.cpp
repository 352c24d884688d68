// SPDX-License-Identifier: Apache-2.0
#include "format/gguf_values.hpp"

namespace kvhost::gguf {

namespace {

constexpr uint64_t kLongestKey = 65535;  // the format's own limit
constexpr int kDeepest = 4;

struct TypeInfo {
  const char* name;
  uint64_t bytes;  // of one in a file, at least
};

// Ordered as the enumeration.
constexpr TypeInfo kTypes[] = {{"8-bit integers", 1},
                               {"8-bit integers", 1},
                               {"16-bit integers", 2},
                               {"16-bit integers", 2},
                               {"32-bit integers", 4},
                               {"32-bit integers", 4},
                               {"32-bit numbers", 4},
                               {"booleans", 1},
                               {"texts", 8},
                               {"arrays", 12},
                               {"64-bit integers", 8},
                               {"64-bit integers", 8},
                               {"64-bit numbers", 8}};

class ValueReader {
 public:
  ValueReader(Cursor& cursor, std::string key) : cursor_(cursor), key_(std::move(key)) {}

  GgufValue read() {
    switch (read_type()) {
      case GgufType::U8:
        return uint64_t{cursor_.number<uint8_t>(kWhat)};
      case GgufType::I8:
        return int64_t{cursor_.number<int8_t>(kWhat)};
      case GgufType::U16:
        return uint64_t{cursor_.number<uint16_t>(kWhat)};
      case GgufType::I16:
        return int64_t{cursor_.number<int16_t>(kWhat)};
      case GgufType::U32:
        return uint64_t{cursor_.number<uint32_t>(kWhat)};
      case GgufType::I32:
        return int64_t{cursor_.number<int32_t>(kWhat)};
      case GgufType::F32:
        return double{cursor_.number<float>(kWhat)};
      case GgufType::Bool:
        return read_bool();
      case GgufType::String:
        return cursor_.text(kWhat);
      case GgufType::Array:
        return read_array(/*depth=*/1);
      case GgufType::U64:
        return cursor_.number<uint64_t>(kWhat);
      case GgufType::I64:
        return cursor_.number<int64_t>(kWhat);
      case GgufType::F64:
        return cursor_.number<double>(kWhat);
    }
    cursor_.refuse("'" + key_ + "' has no known type");  // read_type() lets none through
  }

 private:
  static constexpr const char* kWhat = "its metadata";

  GgufType read_type() {
    const auto type = cursor_.number<uint32_t>(kWhat);
    if (type >= std::size(kTypes))
      cursor_.refuse("'" + key_ + "' has a value of type " + std::to_string(type) +
                     "; expected one of 0 to " + std::to_string(std::size(kTypes) - 1));
    return static_cast<GgufType>(type);
  }

  bool read_bool() {
    const auto value = cursor_.number<uint8_t>(kWhat);
    if (value > 1)
      cursor_.refuse("'" + key_ + "' is a boolean of value " + std::to_string(value) +
                     "; expected 0 or 1");
    return value == 1;
  }

  GgufArray read_array(int depth) {
    if (depth > kDeepest)
      cursor_.refuse("'" + key_ + "' has arrays inside arrays, " + std::to_string(depth) +
                     " deep; expected at most " + std::to_string(kDeepest));
    const GgufType type = read_type();
    const auto count = cursor_.number<uint64_t>(kWhat);
    const uint64_t least = kTypes[static_cast<size_t>(type)].bytes;
    cursor_.expect_room(count, least, std::string(type_name(type)) + " in '" + key_ + "'");
    const uint64_t start = cursor_.at();
    if (type == GgufType::String)
      for (uint64_t i = 0; i < count; ++i) cursor_.text(kWhat);
    else if (type == GgufType::Array)
      for (uint64_t i = 0; i < count; ++i) read_array(depth + 1);
    else
      cursor_.take(count * least, kWhat);
    return {type, count, cursor_.file().data() + start, cursor_.at() - start};
  }

  Cursor& cursor_;
  std::string key_;
};

}  // namespace

const char* type_name(GgufType type) { return kTypes[static_cast<size_t>(type)].name; }

std::map<std::string, GgufValue, std::less<>> read_values(Cursor& cursor, uint64_t count) {
  cursor.expect_room(count, 13, "metadata keys");  // length, type, a byte
  std::map<std::string, GgufValue, std::less<>> out;
  for (uint64_t i = 0; i < count; ++i) {
    const std::string key(cursor.text("a metadata key", kLongestKey));
    if (key.empty()) cursor.refuse("has a metadata key without a name; expected one");
    GgufValue value = ValueReader(cursor, shown(key)).read();
    if (!out.emplace(key, value).second)
      cursor.refuse("'" + shown(key) + "' is listed twice; expected unique keys");
  }
  return out;
}

}  // namespace kvhost::gguf
