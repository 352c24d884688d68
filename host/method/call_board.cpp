// SPDX-License-Identifier: Apache-2.0
#include "method/call_board.hpp"

#include <sys/mman.h>

#include <cstring>
#include <mutex>
#include <new>

namespace kvhost {
namespace {

// Methods of a process that are told apart; more than any installation has.
constexpr uint32_t kMostSites = 2048;

struct Board {
  std::atomic<const CallSite*> site{nullptr};
  std::atomic<const char*> function{nullptr};
  std::atomic<int64_t> layer{-1};
  std::atomic<bool> ended{false};
  std::atomic<uint32_t> n_sites{0};
  CallSite sites[kMostSites];
};

// Pages are taken when they are written: a few kilobytes.
Board* make_board() {
  void* memory = mmap(
      nullptr, sizeof(Board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, /*fd=*/-1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  return ::new (memory) Board;
}

std::atomic<Board*> the_board{nullptr};
// Also without a board, for which there may be no memory.
std::atomic<bool> ended_here{false};

Board& board() {
  if (Board* known = the_board.load(std::memory_order_acquire)) return *known;
  static Board* const made = make_board();
  the_board.store(made, std::memory_order_release);
  return *made;
}

template <size_t N>
void copy_end(char (&to)[N], const std::string& text) {
  const std::string kept = text.size() < N ? text : "..." + text.substr(text.size() - (N - 4));
  std::memcpy(to, kept.c_str(), kept.size() + 1);
}

}  // namespace

const CallSite& call_site(const std::string& library, const std::string& method) {
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  Board& all = board();
  CallSite wanted;
  copy_end(wanted.library, library);
  copy_end(wanted.method, method);
  const uint32_t n = all.n_sites;
  for (uint32_t i = 0; i < n; ++i)
    if (!std::strcmp(all.sites[i].library, wanted.library) &&
        !std::strcmp(all.sites[i].method, wanted.method))
      return all.sites[i];
  if (n == kMostSites) return all.sites[n - 1];
  copy_end(all.sites[n].library, library);
  copy_end(all.sites[n].method, method);
  all.n_sites = n + 1;
  return all.sites[n];
}

void note_call(const CallPlace& place) {
  Board& all = board();
  all.site.store(place.site, std::memory_order_relaxed);
  all.function.store(place.function, std::memory_order_relaxed);
  all.layer.store(place.layer, std::memory_order_relaxed);
}

CallPlace last_call() {
  const Board* all = the_board.load(std::memory_order_acquire);
  if (!all) return {};
  return {all->site, all->function, all->layer};
}

void note_end() noexcept {
  ended_here = true;
  if (Board* all = the_board.load(std::memory_order_acquire)) all->ended = true;
}

bool end_noted() {
  const Board* all = the_board.load(std::memory_order_acquire);
  return ended_here || (all && all->ended);
}

void share_board() { board(); }

}  // namespace kvhost
