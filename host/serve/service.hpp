// SPDX-License-Identifier: Apache-2.0
// What requests are answered with: the models that are served, by their names, and the one
// scheduler that works for all of them. Any thread.
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "serve/served_model.hpp"

namespace kvhost {

class Service {
 public:
  // Error(BadRequest) where two would have one name.
  Service(const Engine& engine,
          const std::vector<NamedModel>& models,
          const ServeOptions& options);

  const Engine& engine() const { return engine_; }
  const ServeOptions& options() const { return options_; }
  Scheduler& scheduler() { return scheduler_; }
  Metrics& metrics() { return metrics_; }
  int64_t started() const { return started_; }  // seconds since 1970

  // At least one; the first is what requests get that name none.
  const std::vector<std::unique_ptr<ServedModel>>& models() const { return models_; }
  ServedModel& model(const std::string& name);  // Refused(404)
  // The one for a request: that its `model` names, else that its document was read by.
  ServedModel& choose(const nlohmann::json& body);

 private:
  Engine engine_;
  ServeOptions options_;
  int64_t started_;
  Metrics metrics_;
  Scheduler scheduler_;
  std::vector<std::unique_ptr<ServedModel>> models_;  // the last: they work with all of the above
};

}  // namespace kvhost
