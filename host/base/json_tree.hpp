// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/json_file.hpp"

namespace kvhost {

// Builds a value from the events of the parser, in time that grows with the text alone, and refuses
// what has no bound: nesting, and keys that are named twice where `repeated` says so.
class JsonTree final : public nlohmann::json_sax<nlohmann::json> {
 public:
  using Json = nlohmann::json;
  // Throws; `problem`: what was found; expected; cure.
  using Refuse = std::function<void(const std::string& problem)>;
  // Throws; byte: how many were read.
  using Malformed = std::function<void(size_t byte, const Json::exception& error)>;

  JsonTree(RepeatedKeys repeated, Refuse refuse, Malformed malformed);

  Json take() { return std::move(root_); }

  bool null() override;
  bool boolean(bool value) override;
  bool number_integer(Json::number_integer_t value) override;
  bool number_unsigned(Json::number_unsigned_t value) override;
  bool number_float(Json::number_float_t value, const std::string& text) override;
  bool string(std::string& value) override;
  bool binary(Json::binary_t& value) override;
  bool start_object(size_t) override;
  bool key(std::string& name) override;
  bool end_object() override;
  bool start_array(size_t) override;
  bool end_array() override;
  bool parse_error(size_t byte, const std::string& token, const Json::exception& error) override;

 private:
  Json* add(Json value);
  bool open(Json container);
  bool close();

  RepeatedKeys repeated_;
  Refuse refuse_;
  Malformed malformed_;
  Json root_;
  std::vector<Json*> open_;  // containers around the current place
  Json* member_ = nullptr;   // of the innermost object, that waits for its value
  size_t n_values_ = 0;
};

}  // namespace kvhost
