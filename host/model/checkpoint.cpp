// SPDX-License-Identifier: Apache-2.0
#include "model/checkpoint.hpp"

#include <nlohmann/json.hpp>
#include <set>

#include "base/error.hpp"
#include "base/file_kind.hpp"
#include "base/json_file.hpp"
#include "base/text.hpp"
#include "model/float_tensor.hpp"
#include "model/name_list.hpp"

namespace kvhost {

namespace {

constexpr const char* kSingle = "model.safetensors";
constexpr const char* kIndex = "model.safetensors.index.json";

// Adds the tensors of one shard. One that an earlier shard has too is taken from where the index
// says, else from the later one, as transformers does. Returns those whose values are not the same.
std::set<std::string> add_file(const std::filesystem::path& path,
                               Held held,
                               Checkpoint& checkpoint) {
  std::set<std::string> contested;
  for (auto& tensor : read_safetensors(path, held)) {
    const auto [at, inserted] = checkpoint.tensors.try_emplace(tensor.name, tensor);
    if (inserted) continue;
    StoredTensor& earlier = at->second;
    if (!same_numbers(tensor, earlier)) contested.insert(tensor.name);
    const auto listed = checkpoint.index.find(tensor.name);
    if (listed == checkpoint.index.end() || earlier.file->path().filename() != listed->second)
      earlier = tensor;
  }
  return contested;
}

std::map<std::string, std::string> read_weight_map(const std::filesystem::path& index) {
  const auto json = read_json(index, ExitCode::CannotLoad);
  if (!json.is_object() || !json.contains("weight_map") || !json.at("weight_map").is_object())
    cannot_load(index.string(),
                "'weight_map' is missing; expected an object of tensor names and shard files");
  std::map<std::string, std::string> out;
  for (const auto& [name, shard] : json.at("weight_map").items()) {
    constexpr size_t kLongestName = 255;
    const std::string file = shard.is_string() ? shard.get<std::string>() : "";
    const bool plain = !file.empty() && file.size() <= kLongestName && file != "." &&
                       file != ".." && file.find('/') == std::string::npos;
    if (!plain)
      cannot_load(index.string(),
                  "'weight_map." + name + "' is " + quoted(json_text(shard)) +
                      "; expected a file name in this folder");
    out[name] = file;
  }
  return out;
}

void add_shards(const std::filesystem::path& index, Held held, Checkpoint& checkpoint) {
  checkpoint.index = read_weight_map(index);
  std::set<std::string> shards, contested;
  for (const auto& [name, shard] : checkpoint.index) shards.insert(shard);
  for (const auto& shard : shards) {
    const auto path = index.parent_path() / shard;
    if (!std::filesystem::exists(path))
      cannot_load(path.string(),
                  "is missing; expected the shard that " + index.filename().string() + " lists");
    contested.merge(add_file(path, held, checkpoint));
  }
  if (!contested.empty())
    checkpoint.warnings.push_back(index.string() + ": shards differ in " +
                                  some_of({contested.begin(), contested.end()}) +
                                  "; taken from where the index says, else from the last shard");
}

std::string other_formats(const std::filesystem::path& dir) {
  for (const char* name :
       {"pytorch_model.bin", "pytorch_model.bin.index.json", "tf_model.h5", "flax_model.msgpack"})
    if (std::filesystem::exists(dir / name))
      return std::string("; ") + name + " is there, convert it with transformers' save_pretrained";
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(dir, ignored))
    if (entry.path().extension() == ".gguf")
      return "; " + entry.path().filename().string() + " is there: " + kGgufCure;
  return "";
}

}  // namespace

Checkpoint read_checkpoint(const std::filesystem::path& dir, Held held) {
  Checkpoint checkpoint;
  if (std::filesystem::exists(dir / kSingle)) {
    checkpoint.source = dir / kSingle;
    add_file(checkpoint.source, held, checkpoint);
  } else if (std::filesystem::exists(dir / kIndex)) {
    checkpoint.source = dir / kIndex;
    add_shards(checkpoint.source, held, checkpoint);
  } else {
    cannot_load(dir.string(),
                std::string("holds no weights; expected ") + kSingle + " or " + kIndex +
                    other_formats(dir));
  }
  return checkpoint;
}

std::vector<std::filesystem::path> checkpoint_files(const std::filesystem::path& dir) {
  if (std::filesystem::exists(dir / kSingle)) return {dir / kSingle};
  if (!std::filesystem::exists(dir / kIndex)) return {};
  std::set<std::filesystem::path> files;
  for (const auto& [name, shard] : read_weight_map(dir / kIndex)) files.insert(dir / shard);
  return {files.begin(), files.end()};
}

}  // namespace kvhost
