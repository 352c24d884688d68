// SPDX-License-Identifier: Apache-2.0
#include "fetch/proxy.hpp"

#include <sstream>

#include "base/ascii.hpp"
#include "base/environment.hpp"

namespace kvhost {

namespace {

// Lower case wins, as with curl.
std::string either_case(const std::string& name) {
  for (const std::string& spelling : {lower_case(name), name})
    if (const std::string value = environment(spelling.c_str()); !value.empty()) return value;
  return "";
}

// "example.org" and ".example.org" stand for that host and those below it, "*" for all.
bool is_excepted(const std::string& host) {
  std::istringstream list(either_case("NO_PROXY"));
  for (std::string name; std::getline(list, name, ',');) {
    name.erase(0, name.find_first_not_of(" ."));
    name.erase(name.find_last_not_of(' ') + 1);
    if (name.empty()) continue;
    if (name == "*" || host == name || host.ends_with("." + name)) return true;
  }
  return false;
}

}  // namespace

std::optional<Url> proxy_for(const Url& url) {
  const std::string with_port = url.host();
  const std::string host = with_port.substr(0, with_port.rfind(':'));
  if (is_excepted(host) || is_excepted(with_port)) return std::nullopt;
  const char* name = url.is_https() ? "HTTPS_PROXY" : "HTTP_PROXY";
  std::string proxy = either_case(name);
  if (proxy.empty()) proxy = either_case("ALL_PROXY");
  if (proxy.empty()) return std::nullopt;
  if (proxy.find("://") == std::string::npos) proxy.insert(0, "http://");
  return parse_url(proxy, name);
}

}  // namespace kvhost
