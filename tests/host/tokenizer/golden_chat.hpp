// SPDX-License-Identifier: Apache-2.0
// Renders the cases of tests/golden/chat_templates, at the moment the golden files were made for.
#pragma once

#include <ctime>
#include <nlohmann/json.hpp>
#include <string>

#include "base/error.hpp"
#include "tokenizer/chat_template.hpp"
#include "tokenizer/jinja/json.hpp"
#include "tokenizer/jinja/template.hpp"

namespace golden {

// chat_template_common.py's NOW.
inline std::tm frozen_clock() {
  std::tm now{};
  now.tm_year = 126, now.tm_mon = 6, now.tm_mday = 26;
  now.tm_hour = 14, now.tm_min = 5, now.tm_sec = 9;
  const std::time_t seconds = timegm(&now);  // fills in the day of the week
  gmtime_r(&seconds, &now);
  return now;
}

// The message without the place where it happened.
inline nlohmann::json refused(const kvhost::Error& error) {
  return {{"error", std::string(error.what()).substr(error.where().size() + 2)},
          {"raised", error.code() == kvhost::ExitCode::BadRequest},
          {"where", error.where()}};
}

inline std::string text_of(const nlohmann::ordered_json& job, const char* key) {
  return job.contains(key) && !job[key].is_null() ? job[key].dump() : "";
}

// `job`: template, tokens, and what a case of conversations.json holds.
inline nlohmann::json render_chat(const nlohmann::ordered_json& job) {
  kvhost::ChatOptions options;
  options.add_generation_prompt = job.value("add_generation_prompt", false);
  options.tools = text_of(job, "tools");
  options.variables = text_of(job, "variables");
  options.clock = frozen_clock;
  try {
    const auto chat =
        kvhost::ChatTemplate::parse(job["template"].get<std::string>(),
                                    "template",
                                    job["tokens"].get<kvhost::ChatTemplate::SpecialTokens>());
    return {{"text", chat.render_json(job["messages"].dump(), options)}};
  } catch (const kvhost::Error& error) {
    return refused(error);
  }
}

// `job`: jinja, variables.
inline nlohmann::json render_jinja(const nlohmann::ordered_json& job) {
  try {
    const auto code = kvhost::jinja::Template::parse(job["jinja"].get<std::string>(), "template");
    const auto variables =
        kvhost::jinja::parse_json_value(job.value("variables", job).dump(), "variables");
    return {{"text", code.render(variables.as_dict(), frozen_clock)}};
  } catch (const kvhost::Error& error) {
    return refused(error);
  }
}

}  // namespace golden
