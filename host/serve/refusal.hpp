// SPDX-License-Identifier: Apache-2.0
// What a client is told instead of an answer.
#pragma once

#include <exception>
#include <stdexcept>
#include <string>

namespace kvhost {

struct Refusal {
  int status = 400;
  std::string message;  // one line
  std::string param;    // the field of the request it is about, or ""
  int retry_after_s = 0;  // 0: it would not help

  // As OpenAI calls it.
  std::string type() const;
};

class Refused : public std::runtime_error {
 public:
  explicit Refused(Refusal refusal);
  const Refusal& refusal() const { return refusal_; }

 private:
  Refusal refusal_;
};

// 400, `field: problem`.
[[noreturn]] void refuse_field(const std::string& field, const std::string& problem);
[[noreturn]] void refuse(int status, const std::string& message, const std::string& param = "");

// Of anything thrown: by its kind, in one line, without a path of this machine.
Refusal refusal_of(const std::exception_ptr& thrown);

// Paths become the name of their last part: where a server keeps its files is nobody's business.
std::string without_paths(const std::string& text);

}  // namespace kvhost
