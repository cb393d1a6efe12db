#include "cope/sandbox/filter.h"

#include <fcntl.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <memory>
#include <vector>

#include "cope/base/error.h"

namespace cope::sandbox {

namespace {

// What needs no look at its arguments. Files are Landlock's affair.
constexpr const char* allowed[] = {
    // descriptors
    "read", "write", "readv", "writev", "pread64", "pwrite64", "preadv", "pwritev", "lseek", "close", "close_range",
    "dup", "dup2", "dup3", "pipe", "pipe2", "poll", "ppoll", "select", "pselect6", "epoll_create", "epoll_create1",
    "epoll_ctl", "epoll_wait", "epoll_pwait", "eventfd2", "flock", "fadvise64", "ftruncate", "recvfrom", "shutdown",
    "getsockopt", "getsockname", "getpeername",
    // files
    "open", "openat", "stat", "fstat", "lstat", "newfstatat", "statx", "access", "faccessat", "faccessat2", "getdents",
    "getdents64", "getcwd", "chdir", "fchdir", "readlink", "readlinkat", "unlink", "unlinkat", "rename", "renameat",
    "renameat2", "mkdir", "mkdirat", "rmdir", "symlink", "symlinkat", "link", "linkat", "umask",
    // memory
    "brk", "munmap", "mremap", "madvise", "msync", "membarrier", "futex", "set_robust_list", "rseq",
    // time
    "nanosleep", "clock_nanosleep", "clock_gettime", "clock_getres", "gettimeofday", "time", "times", "getitimer",
    "setitimer", "alarm", "pause",
    // itself
    "rt_sigprocmask", "rt_sigreturn", "rt_sigpending", "rt_sigtimedwait", "rt_sigsuspend", "sigaltstack",
    "restart_syscall", "getpid", "gettid", "getppid", "getuid", "geteuid", "getgid", "getegid", "getgroups",
    "getresuid", "getresgid", "getpgrp", "getrlimit", "getrusage", "wait4", "waitid", "uname", "sysinfo", "getrandom",
    "sched_yield", "getcpu", "exit", "exit_group"};

// What libraries try and do without: refused with EPERM.
constexpr const char* refused[] = {"chmod",     "fchmod",    "fchmodat",  "fchmodat2",  "chown",       "fchown",
                                   "lchown",    "fchownat",  "utime",     "utimes",     "futimesat",   "utimensat",
                                   "truncate",  "fallocate", "statfs",    "fstatfs",    "prctl",       "getxattr",
                                   "lgetxattr", "fgetxattr", "listxattr", "llistxattr", "flistxattr",  "fsync",
                                   "fdatasync", "mlock",     "mlock2",    "munlock",    "getpriority", "ioprio_get"};

class Rules {
 public:
  Rules() : context_(seccomp_init(SCMP_ACT_TRAP), &seccomp_release) {
    if (!context_) throw ConfigError("the sandbox: libseccomp has no filters for this machine's architecture");
  }

  // A name that this libseccomp does not know is a call that no program here makes.
  void add(std::uint32_t action, const char* name, const std::vector<scmp_arg_cmp>& when = {}) {
    const int number = seccomp_syscall_resolve_name(name);
    if (number == __NR_SCMP_ERROR) return;
    const int failed = seccomp_rule_add_array(context_.get(), action, number, static_cast<unsigned>(when.size()),
                                              when.empty() ? nullptr : when.data());
    if (failed != 0 && number >= 0)
      throw ConfigError(std::string("the sandbox: libseccomp refuses its rule for ") + name + " (error " +
                        std::to_string(-failed) + ")");
  }
  void allow(const char* name, const std::vector<scmp_arg_cmp>& when = {}) { add(SCMP_ACT_ALLOW, name, when); }
  void refuse(const char* name, int error, const std::vector<scmp_arg_cmp>& when = {}) {
    add(SCMP_ACT_ERRNO(static_cast<std::uint32_t>(error)), name, when);
  }

  int exported() const {
    const int fd = memfd_create("cope-filter", MFD_CLOEXEC);
    if (fd < 0 || seccomp_export_bpf(context_.get(), fd) != 0)
      throw ConfigError("the sandbox: its seccomp filter cannot be exported (memfd_create)");
    return fd;
  }

 private:
  std::unique_ptr<void, decltype(&seccomp_release)> context_;
};

scmp_arg_cmp equal(unsigned argument, std::uint64_t value) { return {argument, SCMP_CMP_EQ, value, 0}; }
scmp_arg_cmp not_equal(unsigned argument, std::uint64_t value) { return {argument, SCMP_CMP_NE, value, 0}; }
scmp_arg_cmp masked(unsigned argument, std::uint64_t mask, std::uint64_t value) {
  return {argument, SCMP_CMP_MASKED_EQ, mask, value};
}

}  // namespace

int compiled_filter(Role role) {
  Rules rules;
  for (const char* name : allowed) rules.allow(name);
  for (const char* name : refused) rules.refuse(name, EPERM);
  rules.refuse("clone3", ENOSYS);  // libraries then use clone, which is seen

  for (const char* name : {"mmap", "mprotect"}) {
    if (role == Role::judge) {  // it loads modules when tests name them
      rules.allow(name);
      continue;
    }
    rules.allow(name, {masked(2, PROT_EXEC, 0)});
    rules.refuse(name, EPERM, {masked(2, PROT_EXEC, PROT_EXEC)});
  }
  rules.allow("rt_sigaction", {not_equal(0, SIGSYS)});  // the handler that says what was forbidden stays
  rules.refuse("rt_sigaction", EINVAL, {equal(0, SIGSYS)});
  for (const int command : {F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_SETLK, F_SETLKW, F_GETLK})
    rules.allow("fcntl", {equal(1, static_cast<std::uint64_t>(command))});
  for (const unsigned long command : {static_cast<unsigned long>(FIONREAD), static_cast<unsigned long>(FIONBIO),
                                      static_cast<unsigned long>(FIOCLEX), static_cast<unsigned long>(FIONCLEX),
                                      static_cast<unsigned long>(TCGETS), static_cast<unsigned long>(TIOCGWINSZ)})
    rules.allow("ioctl", {equal(1, command)});
  // Itself only (0): no process may be told from another that is not there.
  for (const char* name : {"sched_getaffinity", "getpgid", "getsid"}) rules.allow(name, {equal(0, 0)});
  rules.allow("prlimit64", {equal(0, 0), equal(2, 0)});  // to read its own
  // A connected pair, which event loops wake themselves with; it cannot be pointed at anybody else.
  constexpr std::uint64_t flags = SOCK_NONBLOCK | SOCK_CLOEXEC;
  rules.allow("socketpair", {equal(0, AF_UNIX), masked(1, ~flags, SOCK_STREAM)});
  rules.allow("sendto", {equal(4, 0)});
  if (role == Role::judge)
    for (const char* name : {"sendmsg", "recvmsg"}) rules.allow(name);
  return rules.exported();
}

std::string system_call_name(int number) {
  const std::unique_ptr<char, decltype(&std::free)> name(seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number),
                                                         &std::free);
  return name ? name.get() : "system call " + std::to_string(number);
}

}  // namespace cope::sandbox
