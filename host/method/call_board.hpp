// SPDX-License-Identifier: Apache-2.0
// Which function of which method was called last, where a signal handler, any thread, and a parent
// process that watches over this one can read it. It lies in memory that is shared with children
// and never freed.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

namespace kvhost {

// A method of a library, as lines about it name the two. Long paths keep their end.
struct CallSite {
  char library[512] = "";
  char method[96] = "";
  mutable std::atomic<int64_t> checked_ns{0};  // when the process was last looked at after a call
};

struct CallPlace {
  const CallSite* site = nullptr;   // null: none
  const char* function = nullptr;   // a literal: "score()"
  int64_t layer = -1;               // -1: not about one layer
};

// The same object every time, for the life of the process.
const CallSite& call_site(const std::string& library, const std::string& method);

// The call that began last, on whatever thread. Reading it is safe in a signal handler.
void note_call(const CallPlace& place);
CallPlace last_call();

// That the process tells by itself how it ends, and has. Until then, an end is a silent one.
void note_end() noexcept;
bool end_noted();

// Puts the board where a child process of this one writes and this one reads. Before any call.
void share_board();

}  // namespace kvhost
