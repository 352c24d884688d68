// SPDX-License-Identifier: Apache-2.0
// Hashes that tell models apart. All bytes of a large model take seconds to hash; sizes, headers
// and samples all over change with every other training of the same architecture.
#include <algorithm>
#include <fstream>
#include <vector>

#include "base/error.hpp"
#include "base/sha256.hpp"
#include "engine/model.hpp"
#include "engine/model_state.hpp"
#include "format/gguf.hpp"
#include "model/checkpoint.hpp"

namespace kvhost {
namespace {

namespace fs = std::filesystem;

// Name, size, and `n_samples` blocks at even distances, the first and the last bytes among them.
void add_samples(const fs::path& file, int64_t n_samples, Sha256& hash) {
  constexpr int64_t kBlock = 4096;
  std::ifstream in(file, std::ios::binary);
  if (!in) cannot_load(file.string(), "cannot be read; expected the model it was before");
  const auto size = static_cast<int64_t>(fs::file_size(file));
  const std::string head = file.filename().string() + ":" + std::to_string(size) + "\n";
  hash.update(head.data(), head.size());
  std::vector<char> block(kBlock);
  const int64_t last = std::max<int64_t>(0, size - kBlock);
  for (int64_t i = 0; i < n_samples; ++i) {
    in.clear();
    in.seekg(n_samples > 1 ? last * i / (n_samples - 1) : 0);
    in.read(block.data(), kBlock);
    hash.update(block.data(), static_cast<size_t>(in.gcount()));
    if (last == 0) break;
  }
}

std::vector<fs::path> files_with(const fs::path& dir, const std::vector<std::string>& endings) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(dir))
    for (const auto& ending : endings)
      if (entry.path().filename().string().ends_with(ending)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

// All that the metadata says of the tokenizer, chat templates aside.
void add_tokenizer(const GgufMetadata& metadata, Sha256& hash) {
  for (const auto& [key, value] : metadata.values()) {
    if (!key.starts_with("tokenizer.ggml.")) continue;
    const auto add = [&](const void* data, size_t n) { hash.update(data, n); };
    add(key.data(), key.size() + 1);
    if (const auto* text = std::get_if<std::string_view>(&value))
      add(text->data(), text->size());
    else if (const auto* array = std::get_if<GgufArray>(&value))
      add(array->begin, array->bytes);
    else
      std::visit([&](const auto& number) { add(&number, sizeof number); }, value);
  }
}

std::string hash_of_weights(const std::string& path, const fs::path& dir) {
  constexpr int64_t kSamples = 256;  // 1 MB a file
  Sha256 hash;
  if (is_gguf(path)) {
    for (const auto& part : read_gguf(path).parts) add_samples(part, kSamples, hash);
    return hash.hex();
  }
  auto files = files_with(dir, {"config.json"});
  for (auto& file : checkpoint_files(dir)) files.push_back(std::move(file));
  std::sort(files.begin(), files.end());
  for (const auto& file : files)
    if (file.filename() != "tokenizer_config.json") add_samples(file, kSamples, hash);
  return hash.hex();
}

}  // namespace

const std::string& ModelState::weights_hash() const {
  std::call_once(hash_once_, [this] { hash_ = hash_of_weights(facts.path, config.dir); });
  return hash_;
}

std::string Model::weights_hash() const { return state_->weights_hash(); }

std::string Model::tokenizer_hash() const {
  Sha256 hash;
  if (is_gguf(state_->facts.path)) {
    add_tokenizer(read_gguf(state_->facts.path).metadata, hash);
    return hash.hex();
  }
  for (const auto& file :
       files_with(
           state_->config.dir,
           {"tokenizer.json", "vocab.json", "merges.txt", "tokenizer.model", "tekken.json"}))
    add_samples(file, /*n_samples=*/4096, hash);
  return hash.hex();
}

}  // namespace kvhost
