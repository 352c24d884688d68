// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "serve/json_grammar.hpp"
#include "serve/refusal.hpp"
#include "serve/requests.hpp"

namespace kvhost {

int64_t read_max_tokens(Fields& fields,
                        const std::string& name,
                        const ServedModel& served,
                        int64_t wish) {
  const int64_t most = served.options().most_new_tokens;
  const Limits limits{0, static_cast<double>(most)};
  return fields.whole(name, limits).value_or(std::min(wish, most));
}

bool is_token_list(const nlohmann::json& value) {
  return value.is_array() && !value.empty() && value[0].is_number();
}

std::vector<int32_t> token_ids(const nlohmann::json& list,
                               const std::string& where,
                               const ServedModel& served) {
  const auto end = static_cast<double>(served.model().vocab_size());
  std::vector<int32_t> out;
  out.reserve(list.size());
  for (size_t i = 0; i < list.size(); ++i) {
    const auto& id = list[i];
    if (!id.is_number_integer() || id.get<double>() < 0 || id.get<double>() >= end)
      refuse_field(where + "[" + std::to_string(i) + "]",
                   "found " + kind_of(id) + "; expected a token id, 0 to " +
                       std::to_string(served.model().vocab_size() - 1));
    out.push_back(id.get<int32_t>());
  }
  return out;
}

std::shared_ptr<const Form> read_form(const nlohmann::json& format,
                                      const std::string& where,
                                      bool inside,
                                      ServedModel& served) {
  Fields fields(format, where + ".");
  const std::string type = fields.text("type").value_or("text");
  if (type == "text" || type == "json_object") {
    fields.end();
    if (type == "text") return nullptr;
    return std::make_shared<const Form>(Form{any_object_grammar(), served.token_bytes()});
  }
  if (type != "json_schema")
    refuse_field(where + ".type",
                 "found " + quoted(type) + "; expected text, json_object or json_schema");
  const auto* wrapped = inside ? fields.any("json_schema") : &format;
  if (!wrapped) refuse_field(where + ".json_schema", "not given; expected name and schema");
  const std::string place = inside ? where + ".json_schema" : where;
  Fields own(*wrapped, place + ".");
  own.ignore({"type", "name", "description", "strict"});
  const auto* schema = own.any("schema");
  if (!schema) refuse_field(place + ".schema", "not given; expected a JSON schema");
  own.end();
  if (inside) fields.end();
  return std::make_shared<const Form>(
      Form{schema_grammar(*schema, place + ".schema"), served.token_bytes()});
}

StreamWish read_stream_fields(Fields& fields) {
  StreamWish wish;
  wish.stream = fields.flag("stream").value_or(false);
  if (const auto* options = fields.any("stream_options")) {
    Fields own(*options, "stream_options.");
    wish.usage = own.flag("include_usage").value_or(false);
    own.ignore({"include_obfuscation"});
    own.end();
  }
  return wish;
}

}  // namespace kvhost
