// SPDX-License-Identifier: Apache-2.0
// Models from the Hugging Face hub, or from what speaks as it does.
#pragma once

#include <filesystem>
#include <string>

#include "fetch/fetched.hpp"

namespace kvhost {

// Where the hub is and how it is spoken to, by the variables that huggingface_hub reads.
struct HubPlace {
  std::string endpoint;  // $HF_ENDPOINT, else https://huggingface.co
  std::string token;     // $HF_TOKEN, else the file $HF_TOKEN_PATH, $HF_HOME/token, ...
  bool offline = false;  // $HF_HUB_OFFLINE
  std::filesystem::path cache;
};

HubPlace hub_place(const std::filesystem::path& cache);

struct HubRequest {
  std::string id;  // "ORG/NAME"
  std::string revision = "main";
  std::string file = {};  // a GGUF file of the repository; "": the safetensors model
  bool update = false;    // ask whether the revision has moved on, though all of it is there
};

// Brings what is missing into the cache. When the revision was fetched before and is complete, no
// server is asked, unless `update`. Throws Error, one line with the cure; what came stays for the
// next try.
Fetched fetch_from_hub(const HubRequest& request,
                       const HubPlace& place,
                       const FetchOptions& options);

}  // namespace kvhost
