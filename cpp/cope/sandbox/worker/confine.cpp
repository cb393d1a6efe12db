// Preloaded (LD_PRELOAD) into the interpreter of a worker: every process that this interpreter forks is confined before fork() returns in it. So the
// confinement needs no extension module, no ctypes and no particular Python. It also freezes the clock of a child that is asked to.
//
// The first fork of a worker makes the judge; from then on COPE_ORDERS is set, and a fork serves the judge (zygote.cpp).
//
// What it does is told by the environment, which the worker's own code sets and no child sees:
//   COPE_FILTERS   three descriptors of compiled seccomp filters, "zygote candidate judge"; absent: no seccomp (reduced isolation)
//   COPE_READ      directories and files that may be read, one a line; absent: no Landlock (reduced isolation)
//   COPE_SUPPORT   the directory of the worker's own code, which the judge loads
//   COPE_DIRECTORY the temporary directory, where the candidate may make plain files
//   COPE_ORDERS    the zygote's socket to the judge
//
// A process that cannot be confined ends at once, with one of the exit codes below.
#include "cope/sandbox/worker/confine.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/mman.h>
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

namespace cope::sandbox {

namespace {

constexpr int exit_no_new_privs = 97, exit_landlock = 98, exit_seccomp = 99, exit_limits = 100, exit_forbidden = 159;
constexpr rlim_t stack_bytes = 8U << 20, descriptors = 64;

enum Role : int { zygote, candidate, judge, roles };  // the order of COPE_FILTERS

struct Filter {
  sock_filter code[4096];
  unsigned short length;
};
Filter filters[roles];
int rulesets[roles] = {-1, -1, -1};  // the zygote has none
int orders = -1, directory = -1;     // of the zygote
bool confined = false;
bool seccomp_asked = false, landlock_asked = false;
std::int64_t frozen_unix_s = -1;

using Fork = pid_t (*)();
using ClockGettime = int (*)(clockid_t, timespec*);
using Gettimeofday = int (*)(timeval*, void*);
using Time = time_t (*)(time_t*);

// The C library's function, looked up when it is called first: constructors of other libraries call the clock before ours has run.
template <typename Function>
Function real(const char* name) {
  static Function found = nullptr;
  if (found == nullptr) found = reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
  return found;
}

void load_filter(int fd, Filter& filter) {
  const ssize_t size = pread(fd, filter.code, sizeof filter.code, 0);
  if (size > 0) filter.length = static_cast<unsigned short>(static_cast<std::size_t>(size) / sizeof(sock_filter));
  close(fd);
}

__attribute__((constructor)) void start() {
  unsetenv("LD_PRELOAD");
  long long fds[roles];
  if (read_numbers(getenv("COPE_FILTERS"), fds, roles)) {
    seccomp_asked = true;
    for (int role = 0; role < roles; ++role) load_filter(static_cast<int>(fds[role]), filters[role]);
  }
}

void allow_beneath(int ruleset, const char* path, std::uint64_t access) {
  const int fd = open(path, O_PATH | O_CLOEXEC);
  if (fd < 0) return;  // nothing there to be allowed
  landlock::PathBeneath rule{access, fd};
  if (syscall(landlock::add_rule, ruleset, landlock::rule_path_beneath, &rule, 0) != 0) {
    // A plain file takes only the rights of files.
    rule.allowed_access &= landlock::file_rights;
    syscall(landlock::add_rule, ruleset, landlock::rule_path_beneath, &rule, 0);
  }
  close(fd);
}

// Once, in the zygote: what may be read does not change.
void make_rulesets() {
  const char* read_paths = getenv("COPE_READ");
  if (read_paths == nullptr) return;
  landlock_asked = true;
  const long abi = landlock::abi();
  if (abi < 1) return;
  for (const Role role : {candidate, judge}) {
    const landlock::Attributes attributes = landlock::everything(abi);
    const int ruleset =
        static_cast<int>(syscall(landlock::create_ruleset, &attributes, landlock::attributes_size(abi), 0));
    if (ruleset < 0) return;
    char* paths = strdup(read_paths);
    char* rest = nullptr;
    for (char* path = strtok_r(paths, "\n", &rest); path != nullptr; path = strtok_r(nullptr, "\n", &rest))
      allow_beneath(ruleset, path, landlock::read_file | landlock::read_dir);
    free(paths);
    if (const char* support = getenv("COPE_SUPPORT"); role == judge && support != nullptr)
      allow_beneath(ruleset, support, landlock::read_file | landlock::read_dir);
    if (const char* temporary = getenv("COPE_DIRECTORY"))
      allow_beneath(ruleset, temporary,
                    role == candidate ? attributes.handled_access_fs & landlock::plain_files : landlock::read_dir);
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

void own_session() {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() == 1) _exit(exit_limits);  // the zygote has ended already
  setsid();
}

void no_new_privileges() {
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) _exit(exit_no_new_privs);
}

void restrict_files(Role role) {
  if (landlock_asked && syscall(landlock::restrict_self, rulesets[role], 0) != 0) _exit(exit_landlock);
}

void restrict_calls(Role role) {
  if (!seccomp_asked) return;
  const sock_fprog program{filters[role].length, filters[role].code};
  if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0) _exit(exit_seccomp);
}

void close_from(int first) {
  if (syscall(SYS_close_range, first, ~0U, 0) == 0) return;
  for (int fd = first; fd < static_cast<int>(descriptors); ++fd) close(fd);  // Linux before 5.9
}

void forget_environment() {
  for (const char* name : {"COPE_FILTERS", "COPE_READ", "COPE_DIRECTORY", "COPE_SUPPORT", "COPE_ORDERS"})
    unsetenv(name);
}

// Forks leave out what the kernel can read again from a file, and each child then faults in its code anew, sixteen pages at a time. A mapping that was written
// to is copied: so one byte of each large one is, with what it holds already.
int copy_with_forks(dl_phdr_info* library, std::size_t, void*) {
  constexpr std::size_t worth_it_bytes = 1U << 20;
  for (int i = 0; i < library->dlpi_phnum; ++i) {
    const ElfW(Phdr) & segment = library->dlpi_phdr[i];
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W) != 0 || segment.p_memsz < worth_it_bytes) continue;
    const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
    // NOLINTNEXTLINE(performance-no-int-to-ptr): the loader tells addresses as numbers
    auto* first = reinterpret_cast<volatile char*>((library->dlpi_addr + segment.p_vaddr) & ~(page - 1));
    const int protection = PROT_READ | ((segment.p_flags & PF_X) != 0 ? PROT_EXEC : 0);
    if (mprotect(const_cast<char*>(first), segment.p_memsz, protection | PROT_WRITE) != 0) continue;
    *first = *first;
    mprotect(const_cast<char*>(first), segment.p_memsz, protection);
  }
  return 0;
}

void confine_judge() {
  own_session();
  forget_environment();
  no_new_privileges();
  restrict_files(judge);
  for (const int ruleset : rulesets)
    if (ruleset >= 0) close(ruleset);
  restrict_calls(judge);
  confined = true;
}

bool is_wall_clock(clockid_t clock) { return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE; }

}  // namespace

bool read_numbers(const char* text, long long* numbers, int count) {
  for (int i = 0; text != nullptr && i < count; ++i) {
    char* end = nullptr;
    numbers[i] = strtoll(text, &end, 10);
    if (end == text) return false;
    text = end;
  }
  return text != nullptr;
}

pid_t forked() { return real<Fork>("fork")(); }

// The zygote's filter is most of the candidates': they inherit it, and add a short one. To compile one as long for each program costs more than its fork.
void confine_zygote() {
  long long fd = -1;
  if (!read_numbers(getenv("COPE_ORDERS"), &fd, 1)) _exit(exit_limits);
  orders = static_cast<int>(fd);
  if (const char* path = getenv("COPE_DIRECTORY")) directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) _exit(exit_limits);
  dl_iterate_phdr(&copy_with_forks, nullptr);
  forget_environment();
  no_new_privileges();
  restrict_calls(zygote);
}

void confine_candidate(const CandidateLimits& limits) {
  own_session();
  frozen_unix_s = limits.frozen_unix_s;
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_NPROC, 0);
  limit(RLIMIT_NOFILE, descriptors);
  limit(RLIMIT_STACK, stack_bytes);
  limit(RLIMIT_FSIZE, static_cast<rlim_t>(limits.file_bytes));
  limit(RLIMIT_CPU, static_cast<rlim_t>(limits.cpu_s));
  limit(RLIMIT_AS, static_cast<rlim_t>(limits.memory_bytes));
  struct sigaction action{};
  action.sa_sigaction = &forbidden;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGSYS, &action, nullptr);
  restrict_files(candidate);
  close_from(channel_fd + 1);
  restrict_calls(candidate);
  confined = true;
}

}  // namespace cope::sandbox

using namespace cope::sandbox;

extern "C" {

__attribute__((visibility("default"))) pid_t fork() {
  if (!confined && getenv("COPE_ORDERS") != nullptr) confine_zygote();
  if (!confined && orders >= 0) return serve(orders, directory);
  if (!confined) make_rulesets();
  const pid_t pid = real<Fork>("fork")();
  if (pid == 0 && confined) _exit(exit_limits);  // a program's own child, where no filter forbids it
  if (pid == 0) confine_judge();
  return pid;
}

__attribute__((visibility("default"))) int clock_gettime(clockid_t clock, timespec* now) noexcept {
  if (frozen_unix_s < 0 || !is_wall_clock(clock)) return real<ClockGettime>("clock_gettime")(clock, now);
  *now = {static_cast<time_t>(frozen_unix_s), 0};
  return 0;
}

__attribute__((visibility("default"))) int gettimeofday(timeval* now, void* zone) noexcept {
  if (frozen_unix_s < 0) return real<Gettimeofday>("gettimeofday")(now, zone);
  *now = {static_cast<time_t>(frozen_unix_s), 0};
  return 0;
}

__attribute__((visibility("default"))) time_t time(time_t* now) noexcept {
  if (frozen_unix_s < 0) return real<Time>("time")(now);
  if (now != nullptr) *now = static_cast<time_t>(frozen_unix_s);
  return static_cast<time_t>(frozen_unix_s);
}

}  // extern "C"
