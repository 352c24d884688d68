// SPDX-License-Identifier: Apache-2.0
#include "cli/learn_flags.hpp"

#include "base/error.hpp"
#include "cli/output_files.hpp"

namespace kvhost {

void LearnFlags::add_method(CLI::App& app) {
  app.add_option("method_name", method)->group("")->type_name("METHOD");
}

void LearnFlags::add_data(CLI::App& app) {
  add_texts(app,
            {"--data", "FILE", "A UTF-8 text to learn from; may be repeated."},
            [this](const std::string& v) { data.emplace_back(v); });
}

void LearnFlags::add_text_tokens(CLI::App& app, int64_t& to) {
  add_integer(app,
              {"--text-tokens", "N", "Tokens of a piece of text. Default: 1000."},
              Limits{16, 1 << 20},
              [&to](int64_t v) { to = v; });
}

void LearnFlags::add_output(CLI::App& app, const char* beside) {
  app.option_defaults()->group("Output");
  add_text(app,
           {"-o,--out",
            "FILE",
            std::string("The file to write") + beside +
                ". Default: what the method looks for in the model's folder."},
           [this](const std::string& v) { out = v; });
  add_text(app,
           {"--json", "FILE", "The report; - = standard output."},
           [this](const std::string& v) { json = v; });
}

void LearnFlags::check(const std::string& wanted) const {
  if (method.empty()) bad_request("METHOD", "not given; expected " + wanted);
  if (data.empty()) bad_request("--data", "not given; expected text files");
  check_output_files({{"--out", out}, {"--json", json}});
  if (goes_to_stdout(out))
    bad_request("--out", "found '-'; expected a file: its format is binary");
}

}  // namespace kvhost
