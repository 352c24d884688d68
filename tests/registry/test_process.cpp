// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "process.hpp"

using kvhost::registry::Finished;
using kvhost::registry::run_process;
using std::chrono::milliseconds;

namespace {

Finished shell(const std::string& script, milliseconds deadline = milliseconds(5000)) {
  return run_process({"/bin/sh", "-c", script}, {"PATH=/usr/bin:/bin", "WORD=heard"}, deadline);
}

}  // namespace

TEST_CASE("output, exit code and environment of a child come back") {
  const Finished done = shell("echo $WORD; echo aside >&2; exit 7");
  CHECK(done.out == "heard\n");
  CHECK(done.err == "aside\n");
  CHECK(done.code == 7);
  CHECK(done.signal == 0);
  CHECK_FALSE(done.timed_out);
}

TEST_CASE("much output does not block the child") {
  const Finished done = shell("head -c 300000 /dev/zero; head -c 300000 /dev/zero >&2");
  CHECK(done.out.size() == 300000);
  CHECK(done.err.size() == 300000);
}

TEST_CASE("a child that ends by a signal says which") {
  CHECK(shell("kill -SEGV $$").signal == 11);
}

TEST_CASE("a child past its deadline is killed, with what it started") {
  const auto begin = std::chrono::steady_clock::now();
  const Finished done = shell("sleep 30 & sleep 30", milliseconds(200));
  CHECK(done.timed_out);
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(5));
}

TEST_CASE("a child that closes its output and lingers is killed too") {
  CHECK(shell("exec >&- 2>&-; sleep 30", milliseconds(200)).timed_out);
}
