// SPDX-License-Identifier: Apache-2.0
#include "serve/service.hpp"

#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/text.hpp"
#include "serve/fields.hpp"
#include "serve/refusal.hpp"
#include "serve/wire.hpp"

namespace kvhost {

Service::Service(const Engine& engine,
                 const std::vector<NamedModel>& models,
                 const ServeOptions& options)
    : engine_(engine),
      options_(options),
      started_(seconds_now()),
      scheduler_(options.limits, metrics_) {
  for (const auto& one : models) {
    auto made = std::make_unique<ServedModel>(engine_, one, options_, scheduler_);
    for (const auto& earlier : models_)
      if (earlier->name() == made->name())
        bad_request("--model",
                    "found two models that are called " + kvhost::quoted(made->name()) +
                        "; expected a name for each: --name NAME, as often as --model");
    models_.push_back(std::move(made));
  }
}

ServedModel& Service::model(const std::string& name) {
  std::vector<std::string> names;
  for (const auto& one : models_) {
    if (one->name() == name) return *one;
    names.push_back(kvhost::quoted(one->name()));
  }
  refuse(404,
         "model: " + kvhost::quoted(name) + " is not here; expected " + join(names, ", ") +
             ", or no model",
         "model");
}

ServedModel& Service::choose(const nlohmann::json& body) {
  Fields fields(body, "");
  if (const auto name = fields.text("model")) return model(*name);
  auto document = fields.text("document").value_or("");
  if (const auto all = fields.texts("documents"); !all.empty()) document = all.front();
  if (document.empty() || models_.size() == 1) return *models_.front();
  std::string name;
  scheduler_.on_engine([&](Shelf& shelf) { name = shelf.document(document).model; });
  return model(name);
}

}  // namespace kvhost
