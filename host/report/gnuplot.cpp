// SPDX-License-Identifier: Apache-2.0
#include "report/gnuplot.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "report/kept_html_parts.hpp"

extern char** environ;

namespace kvhost {

namespace {

using Clock = std::chrono::steady_clock;

// gnuplot and this program talk over socket pairs: writing to one that has ended is an error then,
// not a signal that ends this program.
class Talk {
 public:
  explicit Talk(const std::string& program) {
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends_) != 0) return;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends_[1], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, ends_[1], STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    const char* arguments[] = {program.c_str(), "--default-settings", nullptr};
    if (posix_spawnp(
            &child_, program.c_str(), &actions, nullptr, const_cast<char**>(arguments), environ) !=
        0)
      child_ = -1;
    posix_spawn_file_actions_destroy(&actions);
    ::close(ends_[1]);
    fcntl(ends_[0], F_SETFL, O_NONBLOCK);
  }
  ~Talk() {
    if (ends_[0] >= 0) ::close(ends_[0]);
    if (child_ > 0) {
      kill(child_, SIGKILL);
      waitpid(child_, nullptr, 0);
    }
  }
  Talk(const Talk&) = delete;
  Talk& operator=(const Talk&) = delete;

  bool started() const { return child_ > 0; }

  // What it wrote; "" when it did not end in time, or badly.
  std::string exchange(const std::string& script, double limit_s) {
    const auto end = Clock::now() + std::chrono::duration<double>(limit_s);
    std::string out;
    size_t sent = 0;
    for (bool open = true; open;) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now());
      if (left.count() <= 0) return "";
      pollfd ready{ends_[0], static_cast<short>(POLLIN | (sent < script.size() ? POLLOUT : 0)), 0};
      if (poll(&ready, 1, static_cast<int>(left.count())) < 0 && errno != EINTR) return "";
      if (ready.revents & POLLOUT) send_more(script, sent);
      if (ready.revents & (POLLIN | POLLHUP | POLLERR)) open = receive_more(out);
    }
    int status = 0;
    const pid_t child = child_;
    child_ = -1;
    if (waitpid(child, &status, 0) != child) return "";
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? out : "";
  }

 private:
  void send_more(const std::string& script, size_t& sent) {
    const ssize_t n = send(ends_[0], script.data() + sent, script.size() - sent, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN && errno != EINTR) sent = script.size();
    if (n > 0) sent += static_cast<size_t>(n);
    if (sent == script.size()) shutdown(ends_[0], SHUT_WR);
  }
  bool receive_more(std::string& out) {
    char buffer[16384];
    const ssize_t n = recv(ends_[0], buffer, sizeof buffer, 0);
    if (n > 0) out.append(buffer, static_cast<size_t>(n));
    return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
  }

  int ends_[2] = {-1, -1};
  pid_t child_ = -1;
};

std::string program() {
  const char* named = std::getenv("KVHOST_GNUPLOT");
  return named && *named ? named : "gnuplot";
}

constexpr const char* kOkabeIto[] = {
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#5c5c5c", "#b8a900"};
constexpr size_t kColors = std::size(kOkabeIto);

void replace_all(std::string& text, const std::string& from, const std::string& to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
}

// gnuplot writes a colour in two ways: "rgb(  1,   2,   3)" and "rgb(1,2,3)".
void replace_color(std::string& svg, const std::string& color, const std::string& to) {
  unsigned r = 0, g = 0, b = 0;
  std::sscanf(color.c_str(), "#%2x%2x%2x", &r, &g, &b);
  char text[48];
  std::snprintf(text, sizeof text, "rgb(%3u, %3u, %3u)", r, g, b);
  replace_all(svg, text, to);
  std::snprintf(text, sizeof text, "rgb(%u,%u,%u)", r, g, b);
  replace_all(svg, text, to);
}

// Cuts what stands between two marks, the marks included.
void cut(std::string& text, const std::string& from, const std::string& to) {
  const size_t begin = text.find(from), end = text.find(to, begin);
  if (begin != std::string::npos && end != std::string::npos)
    text.erase(begin, end + to.size() - begin);
}

std::string for_page(std::string svg, const std::string& title, int width) {
  const size_t begin = svg.find("<svg");
  if (begin == std::string::npos || svg.find("</svg>") == std::string::npos) return "";
  svg.erase(0, begin);
  cut(svg, "<defs>", "</defs>");
  cut(svg, "<title>", "</title>");
  cut(svg, "<desc>", "</desc>");
  replace_all(svg, " id=\"gnuplot_canvas\"", "");
  for (int i = 1; svg.find("gnuplot_plot_" + std::to_string(i)) != std::string::npos; ++i) {
    const std::string name = "gnuplot_plot_" + std::to_string(i);
    replace_all(svg, " id=\"" + name + "\"", "");
    replace_all(svg, "<title>" + name + "</title>", "");
  }
  replace_color(svg, plot_ink(), "var(--ink)");
  replace_color(svg, plot_grid(), "var(--line)");
  for (size_t i = 0; i < kColors; ++i)
    replace_color(svg, kOkabeIto[i], "var(--p" + std::to_string(i + 1) + ")");
  replace_all(svg, "'black'", "'var(--ink)'");
  svg.insert(4,
             " style=\"width:" + std::to_string(width) + "px\" role=\"img\" aria-label=\"" +
                 kept_html::escape(title) + "\"");
  return svg;
}

}  // namespace

std::string plot_ink() { return "#010101"; }
std::string plot_grid() { return "#020202"; }
std::string plot_color(size_t number) { return kOkabeIto[number % kColors]; }

std::string plot_text(const std::string& text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'')
      out += "''";
    else
      out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  }
  return out + "'";
}

Figure draw_figure(
    const std::string& script, const std::string& title, int width, int height, double limit_s) {
  const std::string ink = "'" + plot_ink() + "'", grid = "'" + plot_grid() + "'";
  const std::string before =
      "set terminal svg size " + std::to_string(width) + "," + std::to_string(height) +
      " dynamic font 'sans-serif,13' noenhanced\nset encoding utf8\n" + "set border 3 lc rgb " +
      ink + "\nset tics nomirror out scale 0.5 textcolor rgb " + ink +
      "\nset grid ytics lt 1 lc rgb " + grid + " lw 1\nset key textcolor rgb " + ink + "\n";
  Talk talk(program());
  if (!talk.started())
    return {"", "No figures: gnuplot was not found. apt-get install gnuplot-nox, then again."};
  std::string svg = for_page(talk.exchange(before + script, limit_s), title, width);
  if (svg.empty())
    return {"",
            "No figure: gnuplot failed, or took longer than " +
                std::to_string(static_cast<int>(limit_s)) + " s; expected version 5 or newer."};
  return {std::move(svg), ""};
}

std::string figure_shapes() {
  return R"(<svg class="shapes" aria-hidden="true" width="0" height="0"><defs>
<circle id="gpDot" r=".5" fill="currentColor"/>
<circle id="gpPt6" r="1" fill="currentColor"/>
<path id="gpPt4" d="M-.9-.9H.9V.9H-.9z" fill="currentColor"/>
<path id="gpPt8" d="M0-1.33-1.33.67H1.33z" fill="currentColor"/>
<path id="gpPt10" d="M0 1.33-1.33-.67H1.33z" fill="currentColor"/>
<path id="gpPt12" d="M0-1.3 1.3 0 0 1.3-1.3 0z" fill="currentColor"/>
<path id="gpPt14" d="M0-1.33 1.265-.411.782 1.067H-.782L-1.265-.411z" fill="currentColor"/>
</defs></svg>
)";
}

}  // namespace kvhost
