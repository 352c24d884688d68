// SPDX-License-Identifier: Apache-2.0
#include "cache/arena.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>

#include "base/error.hpp"
#include "base/text.hpp"

namespace kvhost {
namespace {

constexpr int64_t kLargePage = int64_t{1} << 21;

int64_t whole_pages(int64_t bytes) {
  static const int64_t page = sysconf(_SC_PAGESIZE);
  return (bytes + page - 1) / page * page;
}

void* map_anywhere(int64_t bytes) {
  return mmap(nullptr,
              static_cast<size_t>(bytes),
              PROT_READ | PROT_WRITE,
              MAP_PRIVATE | MAP_ANONYMOUS,
              /*fd=*/-1,
              /*offset=*/0);
}

bool is_aligned(const void* data) {
  return reinterpret_cast<uintptr_t>(data) % static_cast<uintptr_t>(kLargePage) == 0;
}

// Large pages begin at multiples of their size: what is large enough for one begins there, too.
void* map_new(int64_t bytes) {
  if (bytes < kLargePage) return map_anywhere(bytes);
  void* mapped = map_anywhere(bytes + kLargePage);
  if (mapped == MAP_FAILED) return mapped;
  auto* first = static_cast<std::byte*>(mapped);
  const int64_t before =
      (kLargePage - static_cast<int64_t>(reinterpret_cast<uintptr_t>(first) % kLargePage)) % kLargePage;
  if (before > 0) munmap(first, static_cast<size_t>(before));
  munmap(first + before + bytes, static_cast<size_t>(kLargePage - before));
  return first + before;
}

#if defined(__SANITIZE_THREAD__)
// ThreadSanitizer does not see mremap: where one sequence's pages were, another's would count as
// the same memory, and be a race. It does see these.
void* remap(void* old_data, int64_t old_bytes, int64_t bytes) {
  void* data = map_new(bytes);
  if (data == MAP_FAILED) return data;
  std::memcpy(data, old_data, static_cast<size_t>(std::min(old_bytes, bytes)));
  munmap(old_data, static_cast<size_t>(old_bytes));
  return data;
}
#else
// Large pages move as they are from one multiple of their size to another; to anywhere else they
// would be taken apart, and stay so.
void* remap(void* old_data, int64_t old_bytes, int64_t bytes) {
  const auto from = static_cast<size_t>(old_bytes), to = static_cast<size_t>(bytes);
  if (bytes < std::max(old_bytes, kLargePage))
    return mremap(old_data, from, to, MREMAP_MAYMOVE);
  if (is_aligned(old_data)) {
    void* grown = mremap(old_data, from, to, /*flags=*/0);
    if (grown != MAP_FAILED) return grown;
  }
  void* place = map_new(bytes);
  if (place == MAP_FAILED) return mremap(old_data, from, to, MREMAP_MAYMOVE);
  void* moved = mremap(old_data, from, to, MREMAP_MAYMOVE | MREMAP_FIXED, place);
  if (moved == MAP_FAILED) {
    const int error = errno;
    munmap(place, to);
    errno = error;
  }
  return moved;
}
#endif

void* map(void* old_data, int64_t old_bytes, int64_t bytes) {
  return old_data == nullptr ? map_new(bytes) : remap(old_data, old_bytes, bytes);
}

}  // namespace

void Arena::count(int64_t change) {
  bytes_ += change;
  peak_ = std::max(peak_, bytes_);
}

Region::~Region() {
  if (data_ != nullptr) {
    munmap(data_, static_cast<size_t>(bytes_));
    arena_->count(-bytes_);
  }
}

Region::Region(Region&& other) noexcept
    : arena_(other.arena_),
      data_(std::exchange(other.data_, nullptr)),
      bytes_(std::exchange(other.bytes_, 0)) {}

void Region::swap(Region& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
}

void Region::resize(int64_t bytes) {
  const int64_t wanted = whole_pages(bytes);
  if (wanted == bytes_) {
    return;
  }
  if (wanted == 0) {
    munmap(data_, static_cast<size_t>(bytes_));
    data_ = nullptr;
  } else {
    void* mapped = map(data_, bytes_, wanted);
    if (mapped == MAP_FAILED) {
      const std::string reason = std::strerror(errno);
      run_failed("cache",
                 "the system refused " + format_bytes(wanted) + " for one layer (" + reason +
                     ") while the cache holds " + format_bytes(arena_->bytes()) +
                     "; expected that much free memory: shorten the prompt or keep fewer entries");
    }
    data_ = static_cast<std::byte*>(mapped);
    // Filling 4 KB pages one by one takes several times as long as writing them. Where the system
    // has no large pages it stays so, hence no check; a large page never reaches beyond the
    // mapping.
    if (wanted >= kLargePage) madvise(mapped, static_cast<size_t>(wanted), MADV_HUGEPAGE);
  }
  arena_->count(wanted - std::exchange(bytes_, wanted));
}

}  // namespace kvhost
