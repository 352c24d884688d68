// SPDX-License-Identifier: Apache-2.0
// Which files of a repository make a model.
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <vector>

namespace kvhost {

constexpr const char* kWeightsIndex = "model.safetensors.index.json";

struct ChosenFiles {
  std::vector<std::string> small;    // configuration, tokenizer, templates, index
  std::vector<std::string> weights;  // empty where `small` holds the index, which lists them
};

// Throws Error(CannotLoad) when the repository holds no model that kvhost reads: says what is there
// instead. `names` are all its files.
ChosenFiles choose_files(const std::string& id, const std::vector<std::string>& names);

// `file`, a GGUF name as a user gives it (with or without its folder), with all parts of a split
// one. Throws Error(BadRequest) with the nearest name.
std::vector<std::string> choose_gguf(const std::string& id,
                                     const std::vector<std::string>& names,
                                     const std::string& file);

// "m-00002-of-00003.gguf" -> all three; any other name -> itself.
std::vector<std::string> parts_of(const std::string& name);

// The shards that an index lists. Throws Error(CannotLoad) when it lists none.
std::set<std::string> index_shards(const std::filesystem::path& index);

// Throws Error(CannotLoad) that names `where` unless `name` is a plain relative path.
void check_relative(const std::string& where, const std::string& name);

}  // namespace kvhost
