// SPDX-License-Identifier: Apache-2.0
#include "serve/refusal.hpp"

#include <new>
#include <utility>

#include "base/error.hpp"

namespace kvhost {
namespace {

bool ends_path(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\'' || c == '"' || c == ';' || c == ',' ||
         c == ')' || c == '(' || c == ':';
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

}  // namespace

Refused::Refused(Refusal refusal)
    : std::runtime_error(one_line(refusal.message)), refusal_(std::move(refusal)) {
  refusal_.message = what();
}

std::string Refusal::type() const {
  switch (status) {
    case 401:
      return "authentication_error";
    case 403:
      return "permission_error";
    case 404:
      return "not_found_error";
    case 429:
      return "rate_limit_error";
    default:
      return status < 500 ? "invalid_request_error" : "server_error";
  }
}

void refuse_field(const std::string& field, const std::string& problem) {
  throw Refused({400, field + ": " + problem, field, 0});
}

void refuse(int status, const std::string& message, const std::string& param) {
  throw Refused({status, message, param, 0});
}

std::string without_paths(const std::string& text) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    const bool begins = text[i] == '/' && (i == 0 || ends_path(text[i - 1]));
    if (!begins) {
      out += text[i++];
      continue;
    }
    size_t end = i;
    while (end < text.size() && !ends_path(text[end])) ++end;
    const std::string path = text.substr(i, end - i);
    const bool several = path.find('/', 1) != std::string::npos && path.find("//") != 0;
    out += several ? path.substr(path.rfind('/') + 1) : path;
    i = end;
  }
  return out;
}

Refusal refusal_of(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const Refused& e) {
    return e.refusal();
  } catch (const Error& e) {
    const int status = e.code() == ExitCode::BadRequest    ? 400
                       : e.code() == ExitCode::Interrupted ? 503
                                                           : 500;
    if (status == 503) return {503, "server: is shutting down; expected one that runs", "", 0};
    return {status, without_paths(first_line(e.what())), "", 0};
  } catch (const std::bad_alloc&) {
    return {503, "memory: the system gave no more; expected enough for this request; try a smaller "
                 "budget or prompt", "", 1};
  } catch (const std::exception& e) {
    return {500, without_paths(first_line(e.what())), "", 0};
  } catch (...) {
    return {500, "server: something failed without saying what", "", 0};
  }
}

}  // namespace kvhost
