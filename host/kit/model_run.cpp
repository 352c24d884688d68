// SPDX-License-Identifier: Apache-2.0
#include "kit/model_run.hpp"

#include <nlohmann/json.hpp>

namespace kvhost {

using nlohmann::json;

json report_in(const std::string& said) {
  const size_t first = said.find('{'), last = said.rfind('}');
  if (first == said.npos || last == said.npos || last < first) return {};
  const json found =
      json::parse(said.substr(first, last + 1 - first), nullptr, /*allow_exceptions=*/false);
  return found.is_discarded() ? json() : found;
}

double us_per_layer(const json& report, const char* name) {
  const double n_layers = report.value("/model/n_layers"_json_pointer, 1.0);
  return 1000 * report.at("timings").value(name, 0.0) / n_layers;
}

}  // namespace kvhost
