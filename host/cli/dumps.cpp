// SPDX-License-Identifier: Apache-2.0
#include "cli/dumps.hpp"

#include <cmath>
#include <nlohmann/json.hpp>
#include <ostream>

#include "base/json_file.hpp"

namespace kvhost {

nlohmann::json kept_positions(const Sequence& sequence) {
  nlohmann::json layers = nlohmann::json::array();
  const KeptPositions kept = sequence.kept();
  for (size_t l = 0; l < kept.size(); ++l) layers.push_back({{"layer", l}, {"kept", kept[l]}});
  return {{"n_seen", sequence.tokens().size()}, {"layers", layers}};
}

void dump_scores(const std::string& file,
                 const std::vector<std::vector<std::vector<float>>>& scores) {
  nlohmann::json header = nlohmann::json::object();
  size_t offset = 0;
  for (size_t l = 0; l < scores.size(); ++l) {
    const auto& heads = scores[l];
    const size_t bytes = heads.size() * heads[0].size() * sizeof(float);
    header["layer." + std::to_string(l) + ".scores"] = {{"dtype", "F32"},
                                                        {"shape", {heads.size(), heads[0].size()}},
                                                        {"data_offsets", {offset, offset + bytes}}};
    offset += bytes;
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');  // data starts aligned
  write_file(file, [&](std::ostream& out) {
    const uint64_t length = text.size();
    out.write(reinterpret_cast<const char*>(&length), sizeof length);
    out << text;
    for (const auto& heads : scores)
      for (const auto& row : heads)
        out.write(reinterpret_cast<const char*>(row.data()),
                  static_cast<std::streamsize>(row.size() * sizeof(float)));
  });
}

nlohmann::json budgets_json(const RunReport& report) {
  nlohmann::json layers = nlohmann::json::array();
  for (size_t l = 0; l < report.layers.size(); ++l) {
    const auto& layer = report.layers[l];
    nlohmann::json observed = nullptr;
    if (!std::isnan(layer.observed)) observed = layer.observed;
    layers.push_back(
        {{"layer", l}, {"budget", layer.budget}, {"n_kept", layer.n_kept}, {"observed", observed}});
  }
  return {{"press", report.press_spec},
          {"entries_total", report.budget.entries_total},
          {"observed_name", report.observed_name},
          {"layers", layers}};
}

}  // namespace kvhost
