// The zygote at work. Each page that an interpreter writes to between two forks is copied once a program, so what forks and ends children is not Python: to
// the interpreter all of it is one call of os.fork() that returns in every child.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cope/sandbox/worker/confine.h"

namespace cope::sandbox {

namespace {

constexpr int message_bytes = 256, grace_ms = 50, descriptors = 2;

struct Order {
  char text[message_bytes];
  int fds[descriptors];  // "fork": the channel, and where the child prints to
};

// False when the judge has hung up.
bool receive(int orders, Order& order) {
  alignas(cmsghdr) char ancillary[CMSG_SPACE(sizeof order.fds)];
  iovec part{order.text, sizeof order.text - 1};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = ancillary;
  message.msg_controllen = sizeof ancillary;
  const ssize_t size = recvmsg(orders, &message, 0);
  if (size <= 0) return false;
  order.text[size] = '\0';
  const cmsghdr* given = CMSG_FIRSTHDR(&message);
  if (given != nullptr && given->cmsg_type == SCM_RIGHTS && given->cmsg_len == CMSG_LEN(sizeof order.fds))
    memcpy(order.fds, CMSG_DATA(given), sizeof order.fds);
  return true;
}

bool answer(int orders, const char* text, int size) { return send(orders, text, static_cast<size_t>(size), 0) == size; }

// In the child: its channel and its output lie where it expects them, and nothing else is open.
void arrange(const int* fds) {
  dup2(fds[1], STDOUT_FILENO);
  dup2(fds[1], STDERR_FILENO);
  dup2(fds[0], channel_fd);
}

// "wait status, CPU milliseconds, whether it had to be killed". A child that is about to end has some time for it: its own end says more.
bool reap(int orders, pid_t pid, bool about_to_end) {
  int status = 0;
  rusage usage{};
  pid_t found = wait4(pid, &status, WNOHANG, &usage);
  for (int waited = 0; about_to_end && found == 0 && waited < grace_ms; ++waited) {
    const timespec moment{0, 1'000'000};
    nanosleep(&moment, nullptr);
    found = wait4(pid, &status, WNOHANG, &usage);
  }
  const bool killed = found == 0;
  if (killed) {
    kill(pid, SIGKILL);
    wait4(pid, &status, 0, &usage);
  }
  const auto milliseconds = [](const timeval& time) { return time.tv_sec * 1000 + time.tv_usec / 1000; };
  char said[message_bytes];
  const int size = snprintf(said, sizeof said, "%d %ld %d", status,
                            static_cast<long>(milliseconds(usage.ru_utime) + milliseconds(usage.ru_stime)),
                            static_cast<int>(killed));
  return answer(orders, said, size);
}

struct Entry {  // linux_dirent64
  ino64_t inode;
  off64_t next;
  unsigned short size;
  unsigned char type;
  char name[1];
};

// Removes the files of a program; false where there is more, which only a program under reduced isolation can make.
bool tidied(int directory) {
  alignas(Entry) char entries[4096];
  bool all = true, removed = true;
  while (removed) {  // what is removed moves the others about
    removed = false;
    lseek(directory, 0, SEEK_SET);
    for (long size = 0; (size = syscall(SYS_getdents64, directory, entries, sizeof entries)) > 0;) {
      for (long at = 0; at < size;) {
        const auto* entry = reinterpret_cast<const Entry*>(entries + at);
        at += entry->size;
        if (strcmp(entry->name, ".") == 0 || strcmp(entry->name, "..") == 0) continue;
        if (unlinkat(directory, entry->name, 0) == 0)
          removed = true;
        else
          all = false;
      }
    }
  }
  return all;
}

}  // namespace

pid_t serve(int orders, int directory) {
  static pid_t child = 0;
  for (;;) {
    char first = 0;
    if (recv(orders, &first, 1, MSG_PEEK) <= 0) break;
    if (first == 'l') return to_load;
    Order order{};
    if (!receive(orders, order)) break;
    if (first == 'r') {
      const bool reported = reap(orders, child, strcmp(order.text, "reap ended") == 0);
      child = 0;
      if (!tidied(directory)) return to_tidy;
      if (!reported) break;
      continue;
    }
    CandidateLimits limits{};
    long long numbers[4];
    if (!read_numbers(order.text + strlen("fork"), numbers, 4)) break;
    limits = {numbers[0], numbers[1], numbers[2], numbers[3]};
    child = forked();
    if (child == 0) {
      arrange(order.fds);
      confine_candidate(limits);
      return 0;
    }
    for (const int fd : order.fds) close(fd);
    char said[message_bytes];
    if (!answer(orders, said, snprintf(said, sizeof said, "%d", static_cast<int>(child)))) break;
  }
  if (child > 0) {
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    child = 0;
  }
  tidied(directory);
  errno = ESHUTDOWN;
  return -1;
}

}  // namespace cope::sandbox
