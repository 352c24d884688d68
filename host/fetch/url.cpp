// SPDX-License-Identifier: Apache-2.0
#include "fetch/url.hpp"

#include <algorithm>
#include <cctype>

#include "base/ascii.hpp"
#include "base/error.hpp"

namespace kvhost {

namespace {

std::string decoded(const std::string& text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto digit = [&](size_t at) {
      return at < text.size() && std::isxdigit(static_cast<unsigned char>(text[at])) != 0;
    };
    if (text[i] == '%' && digit(i + 1) && digit(i + 2)) {
      out += static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

bool is_printable(const std::string& text) {
  return std::all_of(
      text.begin(), text.end(), [](unsigned char c) { return c > 0x20 && c != 0x7f; });
}

}  // namespace

std::string Url::host() const { return origin.substr(origin.find("//") + 2); }

std::string Url::shown() const { return origin + target.substr(0, target.find('?')); }

Url parse_url(const std::string& text, const std::string& where) {
  const size_t colon = text.find("://");
  const std::string scheme = lower_case(text.substr(0, colon == std::string::npos ? 0 : colon));
  if ((scheme != "http" && scheme != "https") || !is_printable(text))
    bad_request(where, "found '" + text + "'; expected an http or https URL");
  const size_t begin = colon + 3;
  const size_t end = std::min(text.find_first_of("/?#", begin), text.size());
  std::string authority = text.substr(begin, end - begin);
  Url url;
  if (const size_t at = authority.rfind('@'); at != std::string::npos) {
    url.user = decoded(authority.substr(0, at));
    authority.erase(0, at + 1);
  }
  authority = lower_case(authority);
  const std::string own_port = scheme == "https" ? ":443" : ":80";
  if (authority.ends_with(own_port)) authority.resize(authority.size() - own_port.size());
  if (authority.empty()) bad_request(where, "found '" + text + "'; expected a host in it");
  url.origin = scheme + "://" + authority;
  url.target = text.substr(end, text.find('#', end) - end);
  if (url.target.empty() || url.target[0] != '/') url.target.insert(0, 1, '/');
  return url;
}

Url join_url(const Url& base, const std::string& location, const std::string& where) {
  if (location.find("://") != std::string::npos &&
      location.find("://") + 1 == location.find_first_of("/?#"))
    return parse_url(location, where);
  const std::string scheme = base.origin.substr(0, base.origin.find("//"));
  if (location.starts_with("//")) return parse_url(scheme + location, where);
  if (location.starts_with("/")) return parse_url(base.origin + location, where);
  const std::string path = base.target.substr(0, base.target.find('?'));
  return parse_url(base.origin + path.substr(0, path.rfind('/') + 1) + location, where);
}

std::string url_encoded(std::string_view text, bool keep_slash) {
  const char* digits = "0123456789ABCDEF";
  std::string out;
  for (const unsigned char c : text) {
    if (std::isalnum(c) != 0 || c == '-' || c == '.' || c == '_' || c == '~' ||
        (keep_slash && c == '/')) {
      out += static_cast<char>(c);
    } else {
      out += '%';
      out += digits[c >> 4];
      out += digits[c & 15];
    }
  }
  return out;
}

}  // namespace kvhost
