// SPDX-License-Identifier: Apache-2.0
#include "eval/segments.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/json_file.hpp"

namespace kvhost::eval {

namespace {

Segment segment_at(const LikelihoodTask& task,
                   const std::vector<int32_t>& start,
                   const std::vector<int32_t>& text,
                   int64_t first) {
  Segment out;
  out.context = start;
  const int64_t n = task.context - static_cast<int64_t>(start.size());
  const auto from = text.begin() + first;
  out.context.insert(out.context.end(), from, from + n);
  const auto scored = task.copy ? from : from + n;
  out.scored.assign(scored, scored + task.scored);
  return out;
}

void check_length(const LikelihoodTask& task, const Model& model, int64_t n_start) {
  if (task.context <= n_start)
    bad_request("task '" + task.name + "'",
                "has a context of " + std::to_string(task.context) +
                    " tokens; expected more than the " + std::to_string(n_start) +
                    " that begin every text of this model");
  const int64_t all = task.context + task.scored;
  if (model.max_positions() > 0 && all > model.max_positions())
    bad_request("task '" + task.name + "'",
                "takes " + std::to_string(all) +
                    " tokens, context and scored; expected no more than the " +
                    std::to_string(model.max_positions()) + " that the model was made for");
}

}  // namespace

std::vector<Segment> segments_of(const LikelihoodTask& task, const Model& model) {
  const std::vector<int32_t> start = model.encode("", /*add_special=*/true);
  check_length(task, model, static_cast<int64_t>(start.size()));
  const int64_t length =
      task.context - static_cast<int64_t>(start.size()) + (task.copy ? 0 : task.scored);
  const auto n_files = static_cast<int64_t>(task.files.size());
  std::vector<Segment> out;
  for (int64_t f = 0; f < n_files; ++f) {
    const auto& file = task.files[static_cast<size_t>(f)];
    const int64_t n = task.n_segments * (f + 1) / n_files - task.n_segments * f / n_files;
    if (n == 0) continue;
    const std::vector<int32_t> text =
        model.encode(read_file(file, ExitCode::BadRequest), /*add_special=*/false);
    const auto n_tokens = static_cast<int64_t>(text.size());
    if (n_tokens < n * length)
      bad_request(file.string(),
                  "holds " + std::to_string(n_tokens) + " tokens; expected " +
                      std::to_string(n * length) + " for " + std::to_string(n) +
                      " segments of task '" + task.name + "'");
    const int64_t step = n == 1 ? 0 : (n_tokens - length) / (n - 1);
    for (int64_t i = 0; i < n; ++i) {
      out.push_back(segment_at(task, start, text, i * step));
      out.back().id = file.filename().string() + "@" + std::to_string(i * step);
    }
  }
  return out;
}

}  // namespace kvhost::eval
