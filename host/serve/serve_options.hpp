// SPDX-License-Identifier: Apache-2.0
// How a server was started.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "engine/policy_options.hpp"
#include "serve/scheduler.hpp"

namespace kvhost {

struct ServeOptions {
  std::string host = "127.0.0.1";
  int port = 8080;                    // 0: any that is free
  std::vector<std::string> api_keys;  // none: everybody, and from this machine only
  PolicyOptions press;                // of requests that name none
  SchedulerLimits limits;
  int64_t context = 0;             // tokens of prompt and answer; 0: what each model was made for
  int64_t most_new_tokens = 4096;  // of one answer
  int64_t score_tail = 64;         // tokens at the end of a scored prompt that see the kept ones
  int64_t body_bytes = 64'000'000;
  int64_t connections = 128;
  std::chrono::seconds request_time{60};  // that a client may take to send a request
  std::filesystem::path documents;        // folder for save and load; "": none
};

}  // namespace kvhost
