// SPDX-License-Identifier: Apache-2.0
// What stands where an output was asked for: regular files, links, pipes, devices, and what is left
// when the writing fails.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <thread>

#include "base/error.hpp"
#include "base/output_file.hpp"
#include "base/output_place.hpp"
#include "temp_folder.hpp"

namespace kvhost {

namespace {

namespace fs = std::filesystem;

class Folder {
 public:
  ~Folder() { fs::permissions(folder_.path(), fs::perms::owner_all); }
  fs::path operator/(const std::string& name) const { return folder_ / name; }
  size_t count() const {
    return static_cast<size_t>(std::distance(fs::directory_iterator(folder_.path()), {}));
  }

 private:
  test::TempFolder folder_;
};

void put(const fs::path& path, const std::string& text) {
  write_file(path, [&](std::ostream& out) { out << text; });
}

std::string get(const fs::path& path) {
  std::ostringstream bytes;
  bytes << std::ifstream(path, std::ios::binary).rdbuf();
  return bytes.str();
}

mode_t mode_of(const fs::path& path) {
  struct stat found = {};
  REQUIRE(stat(path.c_str(), &found) == 0);
  return found.st_mode & 07777;
}

// Runs `work` as a user who is not root; its value comes back.
template <class Work>
int as_a_user(const Work& work) {
  const pid_t child = fork();
  if (child == 0) {
    if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) _exit(99);
    _exit(work());
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace

TEST_CASE("a new file gets the permissions of the umask, an old one keeps its own") {
  const Folder folder;
  const mode_t before = umask(027);
  put(folder / "new", "one");
  umask(before);
  CHECK(mode_of(folder / "new") == 0640);
  REQUIRE(chmod((folder / "new").c_str(), 0604) == 0);
  put(folder / "new", "two");
  CHECK(mode_of(folder / "new") == 0604);
  CHECK(get(folder / "new") == "two");
  CHECK(folder.count() == 1);
}

TEST_CASE("through links the file at their end is written and the links stay") {
  const Folder folder;
  fs::create_directory(folder / "deep");
  fs::create_symlink("deep/real", folder / "relative");             // to a file in another folder
  fs::create_symlink("relative", folder / "chain");                 // to a link
  fs::create_symlink(folder / "deep/absent", folder / "dangling");  // to nothing yet
  put(folder / "deep/real", "old");
  put(folder / "chain", "new");
  CHECK(get(folder / "deep/real") == "new");
  CHECK(fs::is_symlink(folder / "chain"));
  CHECK(fs::is_symlink(folder / "relative"));
  put(folder / "dangling", "made");
  CHECK(get(folder / "deep/absent") == "made");
  CHECK(fs::is_symlink(folder / "dangling"));
  CHECK(folder.count() == 4);
}

TEST_CASE("a ring of links is refused") {
  const Folder folder;
  fs::create_symlink("b", folder / "a");
  fs::create_symlink("a", folder / "b");
  CHECK_THAT(why_not_writable(folder / "a"), Catch::Contains("Too many levels"));
  CHECK_THROWS_AS(put(folder / "a", "x"), Error);
}

TEST_CASE("a fifo is written in place and stays one") {
  const Folder folder;
  REQUIRE(mkfifo((folder / "fifo").c_str(), 0600) == 0);
  CHECK(why_not_writable(folder / "fifo").empty());  // without waiting for a reader
  std::string read;
  std::thread reader([&] { read = get(folder / "fifo"); });
  put(folder / "fifo", "through");
  reader.join();
  CHECK(read == "through");
  CHECK(fs::is_fifo(folder / "fifo"));
  CHECK(folder.count() == 1);
}

// As a user who could not replace a device, whatever the code does.
TEST_CASE("a device is written in place, and a full one is an error") {
  const auto written = [](const char* device) {
    return as_a_user([&] {
      try {
        put(device, "something");
        return 0;
      } catch (const Error& e) {
        const std::string what = e.what();
        const auto expected = std::string(device) + ": cannot be written: No space left on device; ";
        return what.starts_with(expected)
                   ? static_cast<int>(e.code())
                   : 1;
      }
    });
  };
  CHECK(why_not_writable("/dev/null").empty());
  CHECK(written("/dev/null") == 0);
  CHECK(written("/dev/full") == static_cast<int>(ExitCode::RunFailed));
  CHECK(fs::is_character_file("/dev/null"));
}

TEST_CASE("an open descriptor is written where it stands") {
  const Folder folder;
  const int fd = open((folder / "log").c_str(), O_WRONLY | O_CREAT, 0600);
  REQUIRE(write(fd, "before ", 7) == 7);
  const std::string name = "/dev/fd/" + std::to_string(fd);
  CHECK(why_not_writable(name).empty());
  put(name, "after");
  close(fd);
  CHECK(get(folder / "log") == "before after");
  CHECK_THAT(why_not_writable(name), Catch::Contains("is not open for writing"));
  CHECK(folder.count() == 1);
}

TEST_CASE("a reader who has gone is told apart from a failure") {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  close(ends[0]);
  const auto before = std::signal(SIGPIPE, SIG_IGN);
  try {
    put("/dev/fd/" + std::to_string(ends[1]), "nobody reads this");
    FAIL("nothing was thrown");
  } catch (const Error& e) {
    CHECK(e.code() == ExitCode::ClosedPipe);
  }
  std::signal(SIGPIPE, before);
  close(ends[1]);
}

TEST_CASE("whatever stops the writing leaves the old file and nothing beside it") {
  const Folder folder;
  put(folder / "kept", "old");
  const auto fails = [&](const std::function<void(std::ostream&)>& fill) {
    CHECK_THROWS(write_file(folder / "kept", fill));
    CHECK(get(folder / "kept") == "old");
    CHECK(folder.count() == 1);
  };
  fails([](std::ostream& out) { out.setstate(std::ios::badbit); });
  fails([](std::ostream& out) { out.setstate(std::ios::failbit); });
  fails([](std::ostream& out) {
    out << "half";
    throw std::bad_alloc();
  });
}

TEST_CASE("a process that is killed while it writes leaves nothing") {
  const Folder folder;
  const pid_t child = fork();
  if (child == 0) {
    write_file(folder / "out", [](std::ostream& out) {
      out << std::string(1 << 20, 'x') << std::flush;
      raise(SIGKILL);
    });
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  REQUIRE(WIFSIGNALED(status));
  const int nameless = open(fs::path(folder / ".").c_str(), O_TMPFILE | O_WRONLY, 0600);
  if (nameless >= 0) close(nameless);
  if (nameless < 0) WARN("this file system has no files without a name; nothing was checked");
  if (nameless >= 0) CHECK(folder.count() == 0);
}

TEST_CASE("what cannot be written is known before the work") {
  const Folder folder;
  fs::create_directory(folder / "folder");
  put(folder / "file", "");
  CHECK_THAT(why_not_writable(folder / "nowhere/out"), Catch::Contains("found no folder"));
  CHECK_THAT(why_not_writable(folder / "folder"), Catch::Contains("is a folder"));
  CHECK_THAT(why_not_writable(folder / "absent/"), Catch::Contains("found no folder"));
  CHECK_THAT(why_not_writable(folder / "file/out"), Catch::Contains("Not a directory"));
  CHECK_THAT(why_not_writable(folder / std::string(300, 'n')), Catch::Contains("too long"));
  CHECK(why_not_writable(folder / std::string(255, 'n')).empty());
  put(folder / std::string(255, 'n'), "fits");
  CHECK(get(folder / std::string(255, 'n')) == "fits");
}

TEST_CASE("permissions that forbid an output are known before the work") {
  const Folder folder;
  put(folder / "locked", "");
  put(folder / "open", "");
  REQUIRE(chmod((folder / "locked").c_str(), 0444) == 0);
  REQUIRE(chmod((folder / "open").c_str(), 0666) == 0);
  REQUIRE(chmod((folder / ".").c_str(), 0777) == 0);
  const auto refused = [&](const char* name, const std::string& says) {
    return as_a_user([&] {
      const std::string why = why_not_writable(folder / name);
      return says.empty() ? why.empty() : why.find(says) != std::string::npos;
    });
  };
  CHECK(refused("locked", "Permission denied") == 1);
  CHECK(refused("open", "") == 1);
  CHECK(refused("new", "") == 1);
  if (geteuid() == 0) {
    REQUIRE(chmod((folder / ".").c_str(), 01777) == 0);
    CHECK(refused("open", "belongs to another user") == 1);
  }
  REQUIRE(chmod((folder / ".").c_str(), 0555) == 0);
  CHECK(refused("new", "takes no new file: Permission denied") == 1);
  CHECK(refused("open", "takes no new file: Permission denied") == 1);
}

TEST_CASE("two names of one output are the same, devices take any number") {
  const Folder folder;
  fs::create_directory(folder / "d");
  put(folder / "d/real", "");
  fs::create_symlink("d/real", folder / "link");
  fs::create_symlink("d/later", folder / "dangling");
  fs::create_hard_link(folder / "d/real", folder / "hard");
  const std::string real = output_identity(folder / "d/real");
  CHECK(output_identity(folder / "link") == real);
  CHECK(output_identity(folder / "hard") == real);
  CHECK(output_identity(folder / "d/../d/real") == real);
  CHECK(output_identity(folder / "dangling") == output_identity(folder / "d/later"));
  CHECK(output_identity(folder / "d/later") != output_identity(folder / "later"));
  CHECK(output_identity("/dev/null").empty());
}

TEST_CASE("standard output has several names") {
  CHECK(is_standard_output("-"));
  CHECK(is_standard_output("/dev/stdout"));
  CHECK(is_standard_output("/dev/fd/1"));
  CHECK(is_standard_output("/proc/self/fd/1"));
  CHECK_FALSE(is_standard_output("/dev/fd/2"));
  CHECK_FALSE(is_standard_output("/dev/null"));
}

TEST_CASE("a hidden file of a killed process goes when the next one writes there") {
  const Folder folder;
  const auto dead = folder / ".kvhost-999999-0.partial", alive = folder / ".kvhost-1-0.partial";
  std::ofstream(dead) << "half";
  std::ofstream(alive) << "half";
  const int held = ::open(alive.c_str(), O_RDONLY);
  REQUIRE(::flock(held, LOCK_EX | LOCK_NB) == 0);
  std::ofstream(folder / "kvhost.partial") << "of somebody else";
  write_file(folder / "out", [](std::ostream& out) { out << "all"; });
  CHECK_FALSE(fs::exists(dead));
  CHECK(fs::exists(alive));
  CHECK(folder.count() == 3);
  ::close(held);
}

TEST_CASE("names may be as long as the file system allows") {
  const Folder folder;
  for (const size_t length : {242u, 250u, 255u}) {
    const auto path = folder / std::string(length, 'n');
    write_file(path, [](std::ostream& out) { out << "all"; });
    CHECK(fs::file_size(path) == 3);
  }
  CHECK_THAT(why_not_writable(folder / std::string(256, 'n')), Catch::Contains("too long"));
}

TEST_CASE("one file by several spellings is one output") {
  const Folder folder;
  fs::create_directory(folder / "sub");
  fs::create_symlink(folder / "sub", folder / "link");
  const std::string one = output_identity(folder / "sub/out");
  CHECK(output_identity(folder / "link/out") == one);
  CHECK(output_identity(folder / "sub/./out") == one);
  CHECK(output_identity(folder / "sub/../sub/out") == one);
  CHECK(output_identity(folder / "sub/other") != one);
}

}  // namespace kvhost
