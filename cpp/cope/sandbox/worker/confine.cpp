// Preloaded (LD_PRELOAD) into the interpreter of a worker: every process that this interpreter forks is confined before fork() returns in it. So the
// confinement needs no extension module, no ctypes and no particular Python. It also freezes the clock of a child that is asked to.
//
// What it does is told by the environment, which the worker's own code sets and the child never sees:
//   COPE_FILTERS   two descriptors of compiled seccomp filters, "candidate judge"; absent: no seccomp (reduced isolation)
//   COPE_READ      directories and files that may be read, one a line; absent: no Landlock (reduced isolation)
//   COPE_SUPPORT   the directory of the worker's own code, which the judge loads
//   COPE_DIRECTORY the temporary directory, where the candidate may make plain files
//   COPE_ROLE      of the next fork: "candidate" or "judge"
//   COPE_LIMITS    of the next candidate: "memory_bytes cpu_s file_bytes frozen_unix_s", the last one negative for a clock that runs
//
// A process that cannot be confined ends at once, with one of the exit codes below.
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>

#include "cope/sandbox/landlock.h"

namespace {

constexpr int exit_no_new_privs = 97, exit_landlock = 98, exit_seccomp = 99, exit_limits = 100, exit_forbidden = 159;
constexpr int channel_fd = 3;  // of a candidate: where it reports to its judge
constexpr rlim_t stack_bytes = 8U << 20, descriptors = 64;

struct Filter {
  sock_filter code[4096];
  unsigned short length;
};
Filter filters[2];  // candidate, judge
int rulesets[2] = {-1, -1};
bool seccomp_asked = false, landlock_asked = false;
std::int64_t frozen_unix_s = -1;

using Fork = pid_t (*)();
using ClockGettime = int (*)(clockid_t, timespec*);
using Gettimeofday = int (*)(timeval*, void*);
using Time = time_t (*)(time_t*);
Fork real_fork = nullptr;
ClockGettime real_clock_gettime = nullptr;
Gettimeofday real_gettimeofday = nullptr;
Time real_time = nullptr;

template <typename Function>
Function next(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

void load_filter(int fd, Filter& filter) {
  const ssize_t size = pread(fd, filter.code, sizeof filter.code, 0);
  if (size > 0) filter.length = static_cast<unsigned short>(static_cast<std::size_t>(size) / sizeof(sock_filter));
  close(fd);
}

// The numbers of a text, separated by blanks; false where there are fewer.
bool read_numbers(const char* text, long long* numbers, int count) {
  for (int i = 0; text != nullptr && i < count; ++i) {
    char* end = nullptr;
    numbers[i] = strtoll(text, &end, 10);
    if (end == text) return false;
    text = end;
  }
  return text != nullptr;
}

__attribute__((constructor)) void start() {
  real_fork = next<Fork>("fork");
  real_clock_gettime = next<ClockGettime>("clock_gettime");
  real_gettimeofday = next<Gettimeofday>("gettimeofday");
  real_time = next<Time>("time");
  unsetenv("LD_PRELOAD");
  long long fds[2];
  if (read_numbers(getenv("COPE_FILTERS"), fds, 2)) {
    seccomp_asked = true;
    for (int role = 0; role < 2; ++role) load_filter(static_cast<int>(fds[role]), filters[role]);
  }
}

void allow_beneath(int ruleset, const char* path, std::uint64_t access) {
  const int fd = open(path, O_PATH | O_CLOEXEC);
  if (fd < 0) return;  // nothing there to be allowed
  cope::landlock::PathBeneath rule{access, fd};
  if (syscall(cope::landlock::add_rule, ruleset, cope::landlock::rule_path_beneath, &rule, 0) != 0) {
    // A plain file takes only the rights of files.
    rule.allowed_access &= cope::landlock::file_rights;
    syscall(cope::landlock::add_rule, ruleset, cope::landlock::rule_path_beneath, &rule, 0);
  }
  close(fd);
}

// Once, in the zygote: what may be read does not change.
void make_rulesets() {
  const char* read_paths = getenv("COPE_READ");
  if (read_paths == nullptr) return;
  landlock_asked = true;
  const long abi = cope::landlock::abi();
  if (abi < 1) return;
  for (int role = 0; role < 2; ++role) {
    const cope::landlock::Attributes attributes = cope::landlock::everything(abi);
    const int ruleset =
        static_cast<int>(syscall(cope::landlock::create_ruleset, &attributes, cope::landlock::attributes_size(abi), 0));
    if (ruleset < 0) return;
    char* paths = strdup(read_paths);
    char* rest = nullptr;
    for (char* path = strtok_r(paths, "\n", &rest); path != nullptr; path = strtok_r(nullptr, "\n", &rest))
      allow_beneath(ruleset, path, cope::landlock::read_file | cope::landlock::read_dir);
    free(paths);
    if (const char* support = getenv("COPE_SUPPORT"); role == 1 && support != nullptr)
      allow_beneath(ruleset, support, cope::landlock::read_file | cope::landlock::read_dir);
    if (const char* directory = getenv("COPE_DIRECTORY"))
      allow_beneath(ruleset, directory,
                    role == 0 ? attributes.handled_access_fs & cope::landlock::plain_files : cope::landlock::read_dir);
    rulesets[role] = ruleset;
  }
}

// seccomp's SIGSYS: tells the judge which system call it was, and ends. Only async-signal-safe calls.
void forbidden(int, siginfo_t* info, void*) {
  char frame[16];
  int digits = 0;
  char text[12];
  for (auto number = static_cast<unsigned>(info->si_syscall); digits == 0 || number != 0; number /= 10)
    text[digits++] = static_cast<char>('0' + number % 10);
  const auto size = static_cast<std::uint32_t>(digits + 1);
  memcpy(frame, &size, 4);
  frame[4] = 'F';
  for (int i = 0; i < digits; ++i) frame[5 + i] = text[digits - 1 - i];
  if (write(channel_fd, frame, 4 + size) < 0) _exit(exit_forbidden);
  _exit(exit_forbidden);
}

void limit(int resource, rlim_t value) {
  const rlimit both{value, value};
  if (setrlimit(static_cast<__rlimit_resource>(resource), &both) != 0) _exit(exit_limits);
}

void confine() {
  const char* role_name = getenv("COPE_ROLE");
  const bool candidate = role_name == nullptr || strcmp(role_name, "judge") != 0;
  const int role = candidate ? 0 : 1;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() == 1) _exit(exit_limits);  // the zygote has ended already
  setsid();

  if (candidate) {
    long long limits[4];
    if (!read_numbers(getenv("COPE_LIMITS"), limits, 4)) _exit(exit_limits);
    const auto [memory_bytes, cpu_s, file_bytes, frozen] = limits;
    frozen_unix_s = frozen;
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_NPROC, 0);
    limit(RLIMIT_NOFILE, descriptors);
    limit(RLIMIT_STACK, stack_bytes);
    limit(RLIMIT_FSIZE, static_cast<rlim_t>(file_bytes));
    limit(RLIMIT_CPU, static_cast<rlim_t>(cpu_s));
    limit(RLIMIT_AS, static_cast<rlim_t>(memory_bytes));
    struct sigaction action{};
    action.sa_sigaction = &forbidden;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGSYS, &action, nullptr);
  }
  for (const char* name : {"COPE_FILTERS", "COPE_READ", "COPE_DIRECTORY", "COPE_SUPPORT", "COPE_ROLE", "COPE_LIMITS"})
    unsetenv(name);

  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) _exit(exit_no_new_privs);
  if (landlock_asked && syscall(cope::landlock::restrict_self, rulesets[role], 0) != 0) _exit(exit_landlock);
  for (const int ruleset : rulesets) close(ruleset);
  if (seccomp_asked) {
    sock_fprog program{filters[role].length, filters[role].code};
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0) _exit(exit_seccomp);
  }
}

bool is_wall_clock(clockid_t clock) { return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE; }

}  // namespace

extern "C" {

__attribute__((visibility("default"))) pid_t fork() {
  if (rulesets[0] < 0) make_rulesets();
  const pid_t pid = real_fork();
  if (pid == 0) confine();
  return pid;
}

__attribute__((visibility("default"))) int clock_gettime(clockid_t clock, timespec* now) noexcept {
  if (frozen_unix_s < 0 || !is_wall_clock(clock)) return real_clock_gettime(clock, now);
  *now = {static_cast<time_t>(frozen_unix_s), 0};
  return 0;
}

__attribute__((visibility("default"))) int gettimeofday(timeval* now, void* zone) noexcept {
  if (frozen_unix_s < 0) return real_gettimeofday(now, zone);
  *now = {static_cast<time_t>(frozen_unix_s), 0};
  return 0;
}

__attribute__((visibility("default"))) time_t time(time_t* now) noexcept {
  if (frozen_unix_s < 0) return real_time(now);
  if (now != nullptr) *now = static_cast<time_t>(frozen_unix_s);
  return static_cast<time_t>(frozen_unix_s);
}

}  // extern "C"
