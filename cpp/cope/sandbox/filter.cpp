#include "cope/sandbox/filter.h"

#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <vector>

#include "cope/base/error.h"
#include "cope/sandbox/landlock.h"

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
constexpr const char* refused[] = {"chmod",     "fchmod",    "fchmodat",   "fchmodat2",   "chown",     "fchown",
                                   "lchown",    "fchownat",  "utime",      "utimes",      "futimesat", "utimensat",
                                   "truncate",  "fallocate", "statfs",     "fstatfs",     "getxattr",  "lgetxattr",
                                   "fgetxattr", "listxattr", "llistxattr", "flistxattr",  "fsync",     "fdatasync",
                                   "mlock",     "mlock2",    "munlock",    "getpriority", "ioprio_get"};

constexpr const char* restricts_itself = "landlock_restrict_self";

class Rules {
 public:
  explicit Rules(std::uint32_t otherwise) : context_(seccomp_init(otherwise), &seccomp_release) {
    if (!context_) throw ConfigError("the sandbox: libseccomp has no filters for this machine's architecture");
  }

  // A name that this libseccomp does not know is a call that no program here makes, Landlock's aside.
  void add(std::uint32_t action, const char* name, const std::vector<scmp_arg_cmp>& when = {}) {
    int number = seccomp_syscall_resolve_name(name);
    if (number == __NR_SCMP_ERROR && std::string_view(name) == restricts_itself) number = landlock::restrict_self;
    if (number == __NR_SCMP_ERROR) return;
    const int failed = seccomp_rule_add_array(context_.get(), action, number, static_cast<unsigned>(when.size()),
                                              when.empty() ? nullptr : when.data());
    if (failed != 0 && number >= 0)
      throw ConfigError(std::string("the sandbox: libseccomp refuses its rule for ") + name + " (error " +
                        std::to_string(-failed) + ")");
  }
  void allow(const char* name, const std::vector<scmp_arg_cmp>& when = {}) { add(SCMP_ACT_ALLOW, name, when); }
  void end(const char* name, const std::vector<scmp_arg_cmp>& when = {}) { add(SCMP_ACT_TRAP, name, when); }
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

// What the zygote and the judge may do, and with it the candidates.
Rules common() {
  Rules rules(SCMP_ACT_TRAP);
  for (const char* name : allowed) rules.allow(name);
  for (const char* name : refused) rules.refuse(name, EPERM);
  rules.refuse("clone3", ENOSYS);  // libraries then use clone, which is seen
  for (const int command : {F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_SETLK, F_SETLKW, F_GETLK})
    rules.allow("fcntl", {equal(1, static_cast<std::uint64_t>(command))});
  for (const unsigned long command : {static_cast<unsigned long>(FIONREAD), static_cast<unsigned long>(FIONBIO),
                                      static_cast<unsigned long>(FIOCLEX), static_cast<unsigned long>(FIONCLEX),
                                      static_cast<unsigned long>(TCGETS), static_cast<unsigned long>(TIOCGWINSZ)})
    rules.allow("ioctl", {equal(1, command)});
  // Itself only (0): no process may be told from another that is not there.
  for (const char* name : {"sched_getaffinity", "getpgid", "getsid"}) rules.allow(name, {equal(0, 0)});
  // A connected pair, which event loops wake themselves with; it cannot be pointed at anybody else.
  constexpr std::uint64_t flags = SOCK_NONBLOCK | SOCK_CLOEXEC;
  rules.allow("socketpair", {equal(0, AF_UNIX), masked(1, ~flags, SOCK_STREAM)});
  rules.allow("sendto", {equal(4, 0)});
  for (const char* name : {"mmap", "mprotect", "recvmsg"}) rules.allow(name);
  return rules;
}

int judges_filter() {
  Rules rules = common();
  rules.allow("rt_sigaction", {not_equal(0, SIGSYS)});
  rules.refuse("rt_sigaction", EINVAL, {equal(0, SIGSYS)});
  rules.allow("sendmsg");
  rules.allow("prlimit64", {equal(0, 0), equal(2, 0)});  // to read its own
  rules.refuse("prctl", EPERM);
  return rules.exported();
}

// It forks, ends its children, and does what confines them.
int zygotes_filter() {
  Rules rules = common();
  constexpr std::uint64_t forks = CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | SIGCHLD;
  rules.allow("clone", {masked(0, ~forks, 0)});
  rules.allow("prlimit64", {equal(0, 0)});
  rules.allow("prctl", {equal(0, PR_SET_PDEATHSIG)});
  rules.refuse("prctl", EPERM, {not_equal(0, PR_SET_PDEATHSIG)});
  for (const char* name : {"kill", "setsid", "rt_sigaction", "seccomp", restricts_itself}) rules.allow(name);
  return rules.exported();
}

// What it says no to, on top of the zygote's.
int candidates_filter() {
  Rules rules(SCMP_ACT_ALLOW);
  for (const char* name : {"clone", "kill", "setsid", "seccomp", restricts_itself, "recvmsg"}) rules.end(name);
  rules.end("prlimit64", {not_equal(2, 0)});  // its own limits may be read
  rules.refuse("prctl", EPERM);
  for (const char* name : {"mmap", "mprotect"}) rules.refuse(name, EPERM, {masked(2, PROT_EXEC, PROT_EXEC)});
  rules.refuse("rt_sigaction", EINVAL, {equal(0, SIGSYS)});  // the handler that says what was forbidden stays
  return rules.exported();
}

}  // namespace

int compiled_filter(Role role) {
  if (role == Role::zygote) return zygotes_filter();
  return role == Role::candidate ? candidates_filter() : judges_filter();
}

std::string system_call_name(int number) {
  const std::unique_ptr<char, decltype(&std::free)> name(seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number),
                                                         &std::free);
  return name ? name.get() : "system call " + std::to_string(number);
}

}  // namespace cope::sandbox
