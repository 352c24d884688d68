// SPDX-License-Identifier: Apache-2.0
// /v1/documents: texts that are compressed once and asked by many.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "serve/service.hpp"
#include "serve/wire.hpp"

namespace kvhost {

Call document_call(const nlohmann::json& body, ServedModel& served);  // POST: made from a text
nlohmann::json list_documents(Service& service);                      // GET
nlohmann::json show_document(const std::string& id, bool positions, Service& service);
nlohmann::json delete_document(const std::string& id, Service& service);
// To and from files of the folder that the server was given.
nlohmann::json save_document(const std::string& id, const nlohmann::json& body, Service& service);
nlohmann::json load_document(const nlohmann::json& body, ServedModel& served);

}  // namespace kvhost
