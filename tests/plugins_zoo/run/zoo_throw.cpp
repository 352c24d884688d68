// SPDX-License-Identifier: Apache-2.0
// Throws while scoring: the SDK turns it into an error of the method.
#include <kvhost/sdk.hpp>
#include <stdexcept>

namespace {

using namespace kvhost::sdk;

class ZooThrow {
 public:
  static Description describe() { return scorer("zoo_throw").summary("Throws while scoring"); }
  explicit ZooThrow(const Args&) {}
  void score(const Layer&, Scores&) const { throw std::runtime_error("thrown inside the zoo"); }
};

}  // namespace

KVHOST_SCORER(ZooThrow)
