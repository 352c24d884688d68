// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cctype>
#include <fstream>

#include "base/ascii.hpp"
#include "base/environment.hpp"
#include "fetch/hub.hpp"
#include "fetch/url.hpp"

namespace kvhost {

namespace fs = std::filesystem;

namespace {

bool is_set(const char* name) {
  const std::string value = lower_case(environment(name));
  return value == "1" || value == "on" || value == "yes" || value == "true";
}

fs::path token_file() {
  if (const auto path = environment("HF_TOKEN_PATH"); !path.empty()) return path;
  if (const auto home = environment("HF_HOME"); !home.empty()) return fs::path(home) / "token";
  fs::path cache = environment("XDG_CACHE_HOME");
  if (cache.empty()) cache = fs::path(environment("HOME")) / ".cache";
  return cache / "huggingface" / "token";
}

// Without what surrounds it: a token is one word of printable ASCII, anything else is none.
std::string clean(const std::string& text) {
  const size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string::npos) return "";
  const std::string token = text.substr(begin, text.find_last_not_of(" \t\r\n") + 1 - begin);
  const bool word =
      std::all_of(token.begin(), token.end(), [](unsigned char c) { return c > 0x20 && c < 0x7f; });
  return word ? token : "";
}

std::string find_token() {
  for (const char* name : {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"})
    if (const std::string token = clean(environment(name)); !token.empty()) return token;
  if (is_set("HF_HUB_DISABLE_IMPLICIT_TOKEN")) return "";
  std::string line;
  std::ifstream file(token_file());
  std::getline(file, line);
  return clean(line);
}

}  // namespace

HubPlace hub_place(const fs::path& cache) {
  HubPlace place;
  place.endpoint = environment("HF_ENDPOINT");
  if (place.endpoint.empty()) place.endpoint = "https://huggingface.co";
  while (place.endpoint.ends_with('/')) place.endpoint.pop_back();
  parse_url(place.endpoint, "HF_ENDPOINT");
  place.token = find_token();
  place.offline = is_set("HF_HUB_OFFLINE") || is_set("TRANSFORMERS_OFFLINE");
  place.cache = cache;
  return place;
}

}  // namespace kvhost
