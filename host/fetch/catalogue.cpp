// SPDX-License-Identifier: Apache-2.0
#include "fetch/catalogue.hpp"

#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/json_file.hpp"

namespace kvhost {

namespace {

KnownModel known_model(const std::string& name, const nlohmann::json& entry) {
  const auto text = [](const nlohmann::json& of, const char* key) {
    return of.at(key).get<std::string>();
  };
  KnownModel model{name,
                   text(entry, "about"),
                   text(entry, "licence"),
                   text(entry, "package"),
                   text(entry, "wheel"),
                   entry.at("bytes").get<int64_t>(),
                   text(entry, "sha256"),
                   {}};
  for (const auto& file : entry.at("files"))
    model.files.push_back({text(file, "member"),
                           text(file, "name"),
                           file.at("bytes").get<int64_t>(),
                           text(file, "sha256")});
  return model;
}

}  // namespace

std::vector<KnownModel> read_catalogue(const std::filesystem::path& file) {
  const nlohmann::json read = read_json(file, ExitCode::CannotLoad);
  std::vector<KnownModel> models;
  try {
    for (const auto& [name, entry] : read.items()) models.push_back(known_model(name, entry));
  } catch (const nlohmann::json::exception& e) {
    cannot_load(file.string(), std::string("is no catalogue of models: ") + e.what());
  }
  return models;
}

const KnownModel* find_known(const std::vector<KnownModel>& models, const std::string& name) {
  for (const auto& model : models)
    if (model.name == name) return &model;
  return nullptr;
}

}  // namespace kvhost
