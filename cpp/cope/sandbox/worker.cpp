#include "cope/sandbox/worker.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <deque>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string_view>
#include <system_error>
#include <vector>

#include "cope/base/error.h"

namespace cope::sandbox {

namespace {

using Clock = std::chrono::steady_clock;

constexpr int ready_within_ms = 60'000;  // an interpreter on a busy machine
constexpr int control_fd = 3, first_filter_fd = 4, above_all_fd = 16;
constexpr std::size_t max_reply_bytes = 1U << 30;

// Owns a descriptor.
class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  ~Descriptor() { reset(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  void reset() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }

 private:
  int fd_;
};

// Away from the places that the child process gives to others.
int moved_up(int fd) { return fcntl(fd, F_DUPFD_CLOEXEC, above_all_fd); }

int left_ms(Clock::time_point deadline) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
  return left < 0 ? 0 : static_cast<int>(left) + 1;
}

// Looks at `stop` every 50 ms.
bool wait_for(int fd, short events, Clock::time_point deadline, const Stop& stop, Silence& silence) {
  pollfd polled{fd, events, 0};
  for (int left = left_ms(deadline); left > 0; left = left_ms(deadline)) {
    if (poll(&polled, 1, std::min(left, 50)) > 0) return true;
    if (stop()) {
      silence = Silence::stopped;
      return false;
    }
  }
  silence = Silence::late;
  return false;
}

bool send_all(int fd, std::string_view data, Clock::time_point deadline, const Stop& stop, Silence& silence) {
  while (!data.empty()) {
    if (!wait_for(fd, POLLOUT, deadline, stop, silence)) return false;
    const ssize_t sent = send(fd, data.data(), data.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno != EINTR && errno != EAGAIN) {
      silence = Silence::ended;
      return false;
    }
    if (sent > 0) data.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

bool receive_all(int fd, char* into, std::size_t size, Clock::time_point deadline, const Stop& stop, Silence& silence) {
  while (size > 0) {
    if (!wait_for(fd, POLLIN, deadline, stop, silence)) return false;
    const ssize_t got = recv(fd, into, size, MSG_DONTWAIT);
    if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN)) {
      silence = Silence::ended;
      return false;
    }
    if (got > 0) {
      into += got;
      size -= static_cast<std::size_t>(got);
    }
  }
  return true;
}

std::optional<std::string> receive_frame(int fd, Clock::time_point deadline, const Stop& stop, Silence& silence) {
  std::array<unsigned char, 4> header{};
  if (!receive_all(fd, reinterpret_cast<char*>(header.data()), header.size(), deadline, stop, silence))
    return std::nullopt;
  std::size_t size = 0;
  for (std::size_t i = header.size(); i-- > 0;) size = size << 8 | header[i];
  silence = Silence::ended;
  if (size > max_reply_bytes) return std::nullopt;
  std::string frame(size, '\0');
  if (!receive_all(fd, frame.data(), size, deadline, stop, silence)) return std::nullopt;
  return frame;
}

std::string all_of(int fd) {
  std::string text;
  std::array<char, 4096> part{};
  for (ssize_t got = 0; (got = read(fd, part.data(), part.size())) > 0 && text.size() < 8192;)
    text.append(part.data(), static_cast<std::size_t>(got));
  return text;
}

// What a worker that did not start left behind: the exit codes are confine.cpp's.
std::string why_not(int status, const std::string& said) {
  if (!said.empty()) return said;
  if (WIFSIGNALED(status)) return "killed by signal " + std::to_string(WTERMSIG(status));
  return "exit status " + std::to_string(WEXITSTATUS(status));
}

}  // namespace

Worker::Worker(const WorkerSettings& settings, std::string directory) : directory_(std::move(directory)) {
  if (mkdir(directory_.c_str(), 0700) != 0 && errno != EEXIST)
    throw ConfigError("the sandbox: " + directory_ + " cannot be made: " + std::generic_category().message(errno));
  try {
    start(settings);
  } catch (...) {
    stop();
    throw;
  }
}

void Worker::start(const WorkerSettings& settings) {
  std::array<int, 2> pair{}, errors{};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) != 0 || pipe2(errors.data(), O_CLOEXEC) != 0)
    throw ConfigError("the sandbox: no socket for a worker: " + std::generic_category().message(errno));
  socket_ = pair[0];
  const Descriptor errors_read(errors[0]);
  Descriptor theirs(pair[1]), errors_write(errors[1]);
  Descriptor control(moved_up(pair[1])), errors_up(moved_up(errors[1]));
  std::deque<Descriptor> filters;
  for (const int fd : settings.filter_fds) filters.emplace_back(moved_up(fd));

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDWR, 0);
  posix_spawn_file_actions_adddup2(&actions, 0, 1);
  posix_spawn_file_actions_adddup2(&actions, errors_up.get(), 2);
  posix_spawn_file_actions_adddup2(&actions, control.get(), control_fd);
  std::string filter_places;
  int free_fd = first_filter_fd;
  for (const Descriptor& filter : filters) {
    posix_spawn_file_actions_adddup2(&actions, filter.get(), free_fd);
    filter_places += std::to_string(free_fd++) + " ";
  }
  posix_spawn_file_actions_addclosefrom_np(&actions, free_fd);

  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);

  // Nothing of the user's environment: keys live there. Hashes are fixed, so that a program's sets are in the same order in every run.
  std::vector<std::string> environment = {"LD_PRELOAD=" + settings.support + "/libcope_confine.so",
                                          "LANG=C.UTF-8",
                                          "LC_ALL=C.UTF-8",
                                          "TZ=UTC",
                                          "PYTHONHASHSEED=0",
                                          "LD_BIND_NOW=1"};  // symbols once, not in every child
  if (!filter_places.empty()) environment.push_back("COPE_FILTERS=" + filter_places);
  if (settings.landlock) environment.emplace_back("COPE_LANDLOCK=1");
  std::vector<std::string> arguments = {
      settings.interpreter, "-s", "-S", "-B", settings.support + "/main.py", std::to_string(control_fd), directory_};
  std::vector<char*> argv, envp;
  for (auto& argument : arguments) argv.push_back(argument.data());
  for (auto& variable : environment) envp.push_back(variable.data());
  argv.push_back(nullptr);
  envp.push_back(nullptr);
  const int failed = posix_spawn(&pid_, settings.interpreter.c_str(), &actions, &attributes, argv.data(), envp.data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (failed != 0) {
    pid_ = -1;
    throw ConfigError("interpreter: " + settings.interpreter +
                      " cannot be started: " + std::generic_category().message(failed));
  }
  for (Descriptor* given : {&theirs, &control, &errors_up, &errors_write}) given->reset();  // so that their end is seen

  const Stop never = [] { return false; };
  Silence silence = Silence::ended;
  const auto hello = receive_frame(socket_, Clock::now() + std::chrono::milliseconds(ready_within_ms), never, silence);
  if (!hello) {
    kill(pid_, SIGKILL);
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = -1;
    throw ConfigError("interpreter: " + settings.interpreter +
                      " does not become a worker of the sandbox: " + why_not(status, all_of(errors_read.get())));
  }
  const auto said = nlohmann::json::parse(*hello, nullptr, false);
  if (!said.is_object() || !said.value("confined", false))
    throw ConfigError("interpreter: " + settings.interpreter +
                      " does not load the confinement library (is it linked statically?); name another one");
}

Worker::~Worker() { stop(); }

void Worker::stop() {
  if (socket_ >= 0) close(socket_);  // the judge sees it and ends; so does the zygote, and its child with it
  socket_ = -1;
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  pid_ = -1;
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

std::optional<std::string> Worker::ask(const std::string& job, int deadline_ms, const Stop& stop, Silence& silence) {
  const auto deadline = Clock::now() + std::chrono::milliseconds(deadline_ms);
  const auto size = static_cast<std::uint32_t>(job.size());
  std::string frame;
  for (int shift = 0; shift < 32; shift += 8) frame.push_back(static_cast<char>(size >> shift & 0xff));
  frame += job;
  if (!send_all(socket_, frame, deadline, stop, silence)) return std::nullopt;
  return receive_frame(socket_, deadline, stop, silence);
}

}  // namespace cope::sandbox
