// SPDX-License-Identifier: Apache-2.0
#include "altered_checkpoint.hpp"

#include <ATen/ATen.h>

#include <cstring>
#include <fstream>

#include "base/error.hpp"
#include "decoder_fixture.hpp"
#include "model/checkpoint.hpp"
#include "model_files.hpp"

namespace kvhost::test {

AlteredCheckpoint::AlteredCheckpoint(const std::string& model) {
  std::ifstream in(model_dir(model) / "config.json");
  config = nlohmann::json::parse(in);
  for (const auto& [name, stored] : read_checkpoint(model_dir(model)).tensors)
    tensors[name] = {
        stored.dtype,
        stored.shape,
        std::string(reinterpret_cast<const char*>(stored.data), static_cast<size_t>(stored.bytes))};
}

void AlteredCheckpoint::set(const std::string& name, const at::Tensor& numbers) {
  const at::Tensor plain = numbers.to(at::kFloat).contiguous();
  tensors[name] = {"F32",
                   plain.sizes().vec(),
                   std::string(static_cast<const char*>(plain.const_data_ptr()), plain.nbytes())};
}

at::Tensor AlteredCheckpoint::get(const std::string& name) const {
  const Entry& entry = tensors.at(name);
  at::Tensor out = at::empty(entry.shape, at::kFloat);
  std::memcpy(out.mutable_data_ptr(), entry.bytes.data(), entry.bytes.size());
  return out;
}

void AlteredCheckpoint::rename(const std::string& from, const std::string& to) {
  auto node = tensors.extract(from);
  node.key() = to;
  tensors.insert(std::move(node));
}

void AlteredCheckpoint::strip(const std::string& prefix) {
  std::vector<std::string> names;
  for (const auto& [name, entry] : tensors)
    if (name.starts_with(prefix)) names.push_back(name);
  for (const auto& name : names) rename(name, name.substr(prefix.size()));
}

void AlteredCheckpoint::write_shard(const std::filesystem::path& file,
                                    const std::set<std::string>& names) const {
  nlohmann::json header = nlohmann::json::object();
  std::string data;
  for (const auto& name : names) {
    const Entry& entry = tensors.at(name);
    header[name] = {{"dtype", entry.dtype},
                    {"shape", entry.shape},
                    {"data_offsets", {data.size(), data.size() + entry.bytes.size()}}};
    data += entry.bytes;
  }
  const std::string text = header.dump();
  write_text(file, safetensors_bytes(text + std::string((8 - text.size() % 8) % 8, ' '), 0) + data);
}

void AlteredCheckpoint::write(const std::filesystem::path& dir) const {
  std::set<std::string> names;
  for (const auto& [name, entry] : tensors) names.insert(name);
  write_text(dir / "config.json", config.dump());
  write_shard(dir / "model.safetensors", names);
}

void AlteredCheckpoint::write_shards(const std::filesystem::path& dir,
                                     const std::map<std::string, std::set<std::string>>& shards,
                                     const std::map<std::string, std::string>& index) const {
  write_text(dir / "config.json", config.dump());
  for (const auto& [file, names] : shards) write_shard(dir / file, names);
  write_text(dir / "model.safetensors.index.json", nlohmann::json{{"weight_map", index}}.dump());
}

std::shared_ptr<const Weights> AlteredCheckpoint::load() const {
  const TempFolder dir;
  write(dir.path());
  return Weights::load(dir.path());
}

at::Tensor AlteredCheckpoint::logits() const { return logits_of(load()); }

std::string AlteredCheckpoint::refusal() const {
  try {
    load();
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

at::Tensor logits_of(const std::shared_ptr<const Weights>& weights) {
  const OneThread one;
  const Tokens tokens = some_tokens(12, weights->config().vocab_size);
  return in_blocks(Decoder(weights), tokens, tokens.size());
}

}  // namespace kvhost::test
