// SPDX-License-Identifier: Apache-2.0
#include "format/gguf_split.hpp"

#include <cstdio>
#include <iterator>
#include <set>

#include "base/error.hpp"
#include "format/gguf_cursor.hpp"

namespace kvhost::gguf {

namespace {

constexpr int64_t kMostParts = 65535;

std::string ending(int64_t number, int64_t count) {  // number from 1
  char text[40];
  std::snprintf(text,
                sizeof text,
                "-%05lld-of-%05lld.gguf",
                static_cast<long long>(number),
                static_cast<long long>(count));
  return text;
}

struct Split {
  int64_t number, count;  // number from 0
};

Split split_of(const GgufMetadata& metadata) {
  return {metadata.integer_or("split.no", 0, kMostParts, 0),
          metadata.integer_or("split.count", 0, kMostParts, 0)};
}

// The name without its ending.
std::string stem_of(const GgufFile& file, const Split& split) {
  const std::string name = file.path.filename().string();
  const std::string expected = ending(split.number + 1, split.count);
  if (!name.ends_with(expected))
    cannot_load(file.path.string(),
                "is part " + std::to_string(split.number + 1) + " of " +
                    std::to_string(split.count) + " of a model; expected a name that ends in " +
                    expected + ", by which the other parts are found");
  return name.substr(0, name.size() - expected.size());
}

GgufFile read_next(const GgufFile& first,
                   const std::filesystem::path& path,
                   const Split& split,
                   Held held) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored))
    cannot_load(path.string(),
                "is missing; expected part " + std::to_string(split.number + 1) + " of " +
                    std::to_string(split.count) + " of " + first.path.filename().string());
  GgufFile part = read_part(path, held);
  const Split found = split_of(part.metadata);
  if (found.number != split.number || found.count != split.count)
    cannot_load(path.string(),
                "says that it is part " + std::to_string(found.number + 1) + " of " +
                    std::to_string(found.count) + "; expected part " +
                    std::to_string(split.number + 1) + " of " + std::to_string(split.count));
  return part;
}

void check_tensors(const GgufFile& file) {
  constexpr const char* kKey = "split.tensors.count";
  std::set<std::string_view> names;
  for (const auto& tensor : file.tensors)
    if (!names.insert(tensor.name).second)
      cannot_load(tensor.file->path().string(),
                  "tensor '" + shown(tensor.name) +
                      "' is in another part too; expected each in one part");
  if (!file.metadata.has(kKey)) return;
  const int64_t expected = file.metadata.integer(kKey, 0, INT64_MAX);
  if (expected != static_cast<int64_t>(file.tensors.size()))
    cannot_load(file.path.string(),
                "its parts hold " + std::to_string(file.tensors.size()) + " tensors; expected " +
                    std::to_string(expected) + " ('" + kKey + "')");
}

}  // namespace

void add_parts(GgufFile& first, Held held) {
  const Split split = split_of(first.metadata);
  if (split.count <= 1) return;
  if (split.number >= split.count)
    first.metadata.refuse("split.no", "a number below 'split.count', " + std::to_string(split.count));
  const std::string stem = stem_of(first, split);
  if (split.number != 0)
    cannot_load(first.path.string(),
                "is part " + std::to_string(split.number + 1) + " of " +
                    std::to_string(split.count) + " of a model; expected the first: " + stem +
                    ending(1, split.count));
  for (int64_t number = 1; number < split.count; ++number) {
    const auto path = first.path.parent_path() / (stem + ending(number + 1, split.count));
    GgufFile part = read_next(first, path, {number, split.count}, held);
    first.parts.push_back(path);
    std::move(part.tensors.begin(), part.tensors.end(), std::back_inserter(first.tensors));
  }
  check_tensors(first);
}

}  // namespace kvhost::gguf
