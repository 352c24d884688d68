// SPDX-License-Identifier: Apache-2.0
#include "method/call_watch.hpp"

#include <dlfcn.h>
#include <ucontext.h>
#include <unistd.h>
#include <unwind.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <thread>

#include "method/call_guard.hpp"
#include "method/process_state.hpp"

namespace kvhost {
namespace {

constexpr const char* kCure =
    "; expected a call that returns; leave the method out, or ask who made the library\n";

// One line, put together without memory: it is written where nothing may be taken for granted.
class Line {
 public:
  Line& add(const char* text) {
    for (; *text && n_ + 2 < sizeof text_; ++text)
      text_[n_++] = static_cast<unsigned char>(*text) < 0x20 && *text != '\n' ? ' ' : *text;
    return *this;
  }
  Line& add(int64_t number) {
    char digits[24];
    size_t at = sizeof digits;
    digits[--at] = '\0';
    uint64_t rest = number < 0 ? 0 - static_cast<uint64_t>(number) : static_cast<uint64_t>(number);
    do digits[--at] = static_cast<char>('0' + rest % 10);
    while (rest /= 10);
    if (number < 0) digits[--at] = '-';
    return add(digits + at);
  }
  Line& add_method(const CallPlace& place) {
    add(place.site->method);
    return place.layer < 0 ? *this : add(", layer ").add(place.layer);
  }
  Line& add_function(const CallPlace& place) {
    return add(place.function).add(" of ").add(place.site->library);
  }
  void write() {
    if (n_ == 0 || text_[n_ - 1] != '\n') text_[n_++] = '\n';
    const int kept = kept_standard_error();
    [[maybe_unused]] const ssize_t written = ::write(kept < 0 ? STDERR_FILENO : kept, text_, n_);
  }

 private:
  char text_[1536];
  size_t n_ = 0;
};

// The innermost call of some thread that is in one; of several, the one that began last.
CallPlace running_call() {
  CallPlace found;
  const CallPlace last = last_call();
  for (const ThreadCalls* thread = all_threads(); thread; thread = thread->next) {
    const CallPlace place = thread->place();
    if (place.site && (!found.site || place.site == last.site)) found = place;
  }
  return found;
}

void add_blame(Line& line, const char* what) {
  const ThreadCalls* mine = own_thread();
  if (mine && mine->site) {
    const CallPlace place = mine->place();
    line.add_method(place).add(": ").add(what).add(" in ").add_function(place).add(kCure);
  } else if (const CallPlace running = running_call(); running.site) {
    line.add_method(running).add(": ").add(what).add(" on another thread during ");
    line.add_function(running).add(kCure);
  } else if (const CallPlace last = last_call(); last.site && !mine) {
    line.add_method(last).add(": ").add(what).add(" on another thread; the last call was ");
    line.add_function(last).add(kCure);
  } else {
    line.add("kvhost: ").add(what).add(" outside of plugins");
    if (last.site) line.add("; the last call was ").add_function(last);
    line.add("; expected none of this; please report it with the command\n");
  }
}

// Async-signal-safe. The first thread that comes here speaks, others wait for the end; one that fails
// while it speaks has nothing to wait for.
[[noreturn]] void end_process(Line& line) {
  static std::atomic<pid_t> speaker{0};
  pid_t first = 0;
  const pid_t me = gettid();
  if (!speaker.compare_exchange_strong(first, me)) {
    if (first == me) _exit(4);
    while (true) pause();
  }
  note_end();
  line.write();
  _exit(4);
}

[[noreturn]] void end_with(const char* what) {
  Line line;
  line.add("kvhost: error: ");
  add_blame(line, what);
  end_process(line);
}

// A fault right around the stack pointer is a stack that cannot grow.
bool is_overflow(const siginfo_t& info, const void* context) {
  const auto* machine = &static_cast<const ucontext_t*>(context)->uc_mcontext;
#if defined(__x86_64__)
  const auto stack = static_cast<uintptr_t>(machine->gregs[REG_RSP]);
#elif defined(__aarch64__)
  const auto stack = static_cast<uintptr_t>(machine->sp);
#else
  const uintptr_t stack = 0;
  (void)machine;
#endif
  const auto fault = reinterpret_cast<uintptr_t>(info.si_addr);
  constexpr uintptr_t kBelow = 64 << 10, kAbove = 8 << 20;
  return stack > kBelow && fault >= stack - kBelow && fault < stack + kAbove;
}

const char* words_of(int signal_number, const siginfo_t& info, const void* context) {
  switch (signal_number) {
    case SIGSEGV:
      return is_overflow(info, context) ? "crashed with SIGSEGV (its stack is used up)"
                                        : "crashed with SIGSEGV";
    case SIGBUS:
      return "crashed with SIGBUS";
    case SIGFPE:
      return "crashed with SIGFPE";
    case SIGILL:
      return "crashed with SIGILL";
    case SIGTRAP:
      return "crashed with SIGTRAP";
    case SIGSYS:
      return "crashed with SIGSYS";
    default:
      return "aborted (SIGABRT)";
  }
}

void on_fatal_signal(int signal_number, siginfo_t* info, void* context) {
  const ThreadCalls* mine = own_thread();
  if (signal_number == SIGBUS && !(mine && mine->site) && !running_call().site) {
    Line line;
    line.add(
        "kvhost: error: memory: a mapped file could not be read (SIGBUS): it was cut short or "
        "replaced meanwhile, or its disk failed; expected model files that stay as they are; run "
        "`kvhost inspect` on the model\n");
    end_process(line);
  }
  end_with(words_of(signal_number, *info, context));
}

[[noreturn]] void on_terminate() {
  char what[256] = "ended by std::terminate";
  if (const std::exception_ptr thrown = std::current_exception()) {
    try {
      std::rethrow_exception(thrown);
    } catch (const std::exception& error) {
      std::snprintf(what, sizeof what, "threw '%.200s'", error.what());
    } catch (...) {
      std::snprintf(what, sizeof what, "threw something that is no std::exception");
    }
  }
  end_with(what);
}

// Whether it was libgomp that called exit(), which it does where it gets no thread or no memory. The
// frames above this one are the C library's, then the caller's; a plugin's work on a thread of
// libgomp's has the plugin there.
bool called_by_libgomp() {
  struct Search {
    bool in_c_library = false, found = false;
  } search;
  const auto look = [](_Unwind_Context* frame, void* state) {
    auto& search = *static_cast<Search*>(state);
    Dl_info info{};
    const auto* address = reinterpret_cast<const void*>(_Unwind_GetIP(frame));
    const bool known = dladdr(address, &info) != 0 && info.dli_fname;
    const bool in_c_library = known && std::strstr(info.dli_fname, "/libc.so");
    if (in_c_library || !search.in_c_library) {
      search.in_c_library = in_c_library;
      return _URC_NO_REASON;
    }
    search.found = known && std::strstr(info.dli_fname, "/libgomp");
    return _URC_END_OF_STACK;
  };
  _Unwind_Backtrace(look, &search);
  return search.found;
}

void on_exit_called(int code, void*) {
  if (end_noted()) return;
  if (called_by_libgomp()) {
    Line line;
    line.add(
        "kvhost: error: threads: the system gave no more of them, or no memory for their stacks; "
        "expected room for as many as --threads says; try fewer, or a smaller OMP_STACKSIZE\n");
    end_process(line);
  }
  char what[64];
  std::snprintf(what, sizeof what, "called exit(%d)", code);
  end_with(what);
}

void on_quick_exit() {
  if (!end_noted()) end_with("called quick_exit()");
}

// Looks at the clocks of all calls.
class Deadline {
 public:
  explicit Deadline(std::chrono::nanoseconds longest) : longest_(longest.count()) {
    std::snprintf(text_, sizeof text_, "%g", static_cast<double>(longest_) / 1e9);
  }

  [[noreturn]] void run() const {
    const auto pause = std::chrono::nanoseconds(std::min<int64_t>(longest_ / 4 + 1, 100'000'000));
    while (true) {
      std::this_thread::sleep_for(pause);
      const int64_t now = coarse_now_ns();
      for (const ThreadCalls* thread = all_threads(); thread; thread = thread->next) {
        const int64_t since = thread->since_ns;
        if (since != 0 && now - since > longest_) end(thread->place());
      }
    }
  }

 private:
  void end(const CallPlace& place) const {
    if (!place.site) return;  // it has just returned
    Line line;
    line.add("kvhost: error: ").add_method(place).add(": did not return in time from ");
    line.add_function(place).add("; expected an answer within KVHOST_PLUGIN_DEADLINE (");
    end_process(line.add(text_).add(") seconds\n"));
  }

  int64_t longest_;
  char text_[32];
};

void handle_fatal_signals() {
  struct sigaction action {};
  action.sa_sigaction = on_fatal_signal;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigfillset(&action.sa_mask);
  for (const int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS})
    sigaction(number, &action, nullptr);
}

// Its thread takes no signals: they are for those that wait for them.
void start(const Deadline& deadline) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread([deadline] { deadline.run(); }).detach();
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

}  // namespace

void install_call_watch(std::chrono::nanoseconds deadline) {
  static std::atomic_flag installed = ATOMIC_FLAG_INIT;
  if (installed.test_and_set()) return;
  handle_fatal_signals();
  std::set_terminate(&on_terminate);
  on_exit(&on_exit_called, nullptr);
  std::at_quick_exit(&on_quick_exit);
  remember_process_state();
  start(Deadline(deadline));
}

void tell_silent_end(const char* what) {
  Line line;
  line.add("kvhost: error: ");
  if (const CallPlace last = last_call(); last.site) {
    line.add_method(last).add(": the process ").add(what).add("; the last call was ");
    line.add_function(last).add(kCure);
  } else {
    line.add("kvhost: the process ").add(what).add("; expected one that says how it ends\n");
  }
  line.write();
}

}  // namespace kvhost
