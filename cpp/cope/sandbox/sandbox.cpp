#include "cope/sandbox/sandbox.h"

#include <dlfcn.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <future>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

#include "cope/base/error.h"
#include "cope/sandbox/filter.h"
#include "cope/sandbox/landlock.h"
#include "cope/sandbox/worker.h"

namespace cope::sandbox {

namespace {

using nlohmann::json;

constexpr std::size_t max_source_bytes = 1U << 20;
constexpr int attempts_at_most = 2;
constexpr const char *closed_message = "the sandbox was closed", *cancelled_message = "it was cancelled";
constexpr int judge_grace_ms = 10'000;  // the judge keeps the time; this is for a judge that hangs in a test of its own
constexpr std::int64_t least_memory_bytes = 64LL << 20;

constexpr std::array<std::pair<Outcome, std::string_view>, 11> names = {
    {{Outcome::passed, "passed"},
     {Outcome::failed_assertion, "failed_assertion"},
     {Outcome::exception, "exception"},
     {Outcome::syntax_error, "syntax_error"},
     {Outcome::timed_out_wall, "timed_out_wall"},
     {Outcome::timed_out_cpu, "timed_out_cpu"},
     {Outcome::out_of_memory, "out_of_memory"},
     {Outcome::killed, "killed"},
     {Outcome::output_too_large, "output_too_large"},
     {Outcome::forbidden, "forbidden"},
     {Outcome::invalid_tests, "invalid_tests"}}};

Outcome outcome_named(std::string_view name) {
  for (const auto& [outcome, text] : names)
    if (text == name) return outcome;
  return Outcome::killed;
}

void positive(const char* name, std::int64_t value) {
  if (value <= 0)
    throw ConfigError(std::string("limits.") + name + ": expected a positive number, got " + std::to_string(value));
}

// The index of the first byte that is no UTF-8, or npos.
std::size_t not_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(at < text.size() ? text[at] : 0); };
    const unsigned first = byte(i);
    const std::size_t length = first < 0x80 ? 1 : first >> 5 == 6 ? 2 : first >> 4 == 14 ? 3 : first >> 3 == 30 ? 4 : 0;
    unsigned point = length == 1 ? first : first & (0xffU >> (length + 1));
    bool valid = length > 0;
    for (std::size_t k = 1; k < length; ++k) {
      valid = valid && byte(i + k) >> 6 == 2;
      point = point << 6 | (byte(i + k) & 0x3fU);
    }
    constexpr std::array<unsigned, 5> least = {0, 0, 0x80, 0x800, 0x10000};
    if (!valid || point < least[length] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) return i;
    i += length;
  }
  return std::string_view::npos;
}

// Why Python cannot be given this source, or nothing.
std::string unreadable(std::string_view source) {
  if (source.find_first_not_of(" \t\r\n\f") == std::string_view::npos) return "the program is empty";
  if (source.size() > max_source_bytes)
    return "the program has " + std::to_string(source.size()) + " bytes; at most " + std::to_string(max_source_bytes) +
           " are read";
  if (const auto at = source.find('\0'); at != std::string_view::npos)
    return "the program holds a NUL byte, at " + std::to_string(at);
  if (const auto at = not_utf8(source); at != std::string_view::npos)
    return "the program is not UTF-8, from byte " + std::to_string(at) + " on";
  return "";
}

Report failure(Outcome outcome, std::string message) {
  Report report;
  report.outcome = outcome;
  report.message = std::move(message);
  return report;
}

std::string job_of(const Program& program) {
  const auto or_null = [](const auto& value) { return value ? json(*value) : json(nullptr); };
  return json({{"source", program.source},
               {"before", program.setup_before},
               {"after", program.setup_after},
               {"tests", program.tests},
               {"entry_point", or_null(program.entry_point)},
               {"result", or_null(program.result_name)},
               {"frozen", or_null(program.frozen_unix_s)},
               {"wall_ms", program.limits.wall_ms},
               {"cpu_ms", program.limits.cpu_ms},
               {"memory_bytes", program.limits.memory_bytes},
               {"output_bytes", program.limits.output_bytes},
               {"file_bytes", program.limits.file_bytes}})
      .dump();
}

Report report_of(const json& reply) {
  Report report;
  report.outcome = outcome_named(reply.value("outcome", ""));
  report.tests_passed = reply.value("tests_passed", 0);
  report.tests_inside = reply.value("tests_inside", 0);
  report.first_failed_test = reply.value("first_failed_test", -1);
  report.exception_type = reply.value("exception_type", "");
  report.line = reply.value("line", 0);
  report.message = reply.value("message", "");
  if (reply.contains("system_call")) report.message = "system call " + system_call_name(reply.value("system_call", 0));
  if (reply.contains("value")) report.value = reply.value("value", "");
  report.value_type = reply.value("value_type", "");
  report.output = reply.value("output", "");
  report.wall_ms = reply.value("wall_ms", 0);
  report.cpu_ms = reply.value("cpu_ms", 0);
  return report;
}

std::string resolved(const std::string& interpreter) {
  const auto runnable = [](const std::string& path) {
    return access(path.c_str(), X_OK) == 0 && std::filesystem::is_regular_file(path);
  };
  if (interpreter.find('/') != std::string::npos) {
    if (runnable(interpreter)) return std::filesystem::absolute(interpreter);
    throw ConfigError("interpreter: " + interpreter + " is not there, or not a program; name a Python 3.8 or later");
  }
  const char* path = std::getenv("PATH");
  std::string_view rest = path != nullptr ? path : "/usr/bin:/bin";
  while (!rest.empty() && !interpreter.empty()) {
    const auto end = std::min(rest.find(':'), rest.size());
    const std::string candidate = std::string(rest.substr(0, end)) + "/" + interpreter;
    if (runnable(candidate)) return candidate;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  throw ConfigError("interpreter: no program `" + interpreter + "` in PATH; name a Python 3.8 or later by its path");
}

std::string support_directory(const std::string& named) {
  std::string directory = named;
#ifdef COPE_SANDBOX_SUPPORT
  if (directory.empty()) directory = COPE_SANDBOX_SUPPORT;
#endif
  if (directory.empty()) {
    Dl_info info{};
    if (dladdr(reinterpret_cast<const void*>(&outcome_name), &info) != 0 && info.dli_fname != nullptr)
      directory = std::filesystem::absolute(info.dli_fname).parent_path() / "_sandbox";
  }
  for (const char* file : {"main.py", "libcope_confine.so"})
    if (!std::filesystem::exists(directory + "/" + file))
      throw ConfigError("the sandbox: its file " + directory + "/" + file + " is missing; install the package again");
  return directory;
}

std::string new_directory() {
  const char* named = std::getenv("TMPDIR");
  const std::string parent = named != nullptr && *named != '\0' ? named : "/tmp";
  std::string path = std::filesystem::absolute(parent) / "cope-sandbox-XXXXXX";
  if (mkdtemp(path.data()) == nullptr)
    throw ConfigError("the sandbox: no temporary directory can be made in " + parent + " (" +
                      std::generic_category().message(errno) + "); set TMPDIR to one that can be written");
  return path;
}

bool has_seccomp() {
  const std::uint32_t action = SECCOMP_RET_TRAP;
  return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

// Keeps the calling thread, and the processes that it starts from now on, on one core: a worker's processes only ever work in turns, and handing over to
// another core costs more than the work. Workers take programs as they become free, so one on a busy core takes fewer.
void stay_on_one_core(int number) {
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
  int position = number % CPU_COUNT(&allowed);
  for (int core = 0; core < CPU_SETSIZE; ++core) {
    if (!CPU_ISSET(core, &allowed) || position-- > 0) continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(core, &one);
    sched_setaffinity(0, sizeof one, &one);
    return;
  }
}

// What the workers are started with; the filters are open as long as it lives.
class Settings {
 public:
  explicit Settings(const Options& options) {
    settings_.interpreter = resolved(options.interpreter);
    settings_.support = support_directory(options.support);
    const bool may_lack = options.isolation == Isolation::reduced;
    const auto lacks = [&](const char* what) {
      if (!may_lack)
        throw ConfigError(std::string("the sandbox: this kernel lacks ") + what +
                          "; isolation=\"reduced\" runs programs without it, which is no protection against malice");
    };
    settings_.landlock = landlock::abi() >= 1;
    if (!settings_.landlock) lacks("Landlock (Linux 5.13 or later, enabled by lsm=landlock)");
    if (!has_seccomp()) {
      lacks("seccomp filters (CONFIG_SECCOMP_FILTER)");
    } else {
      for (const Role role : {Role::zygote, Role::candidate, Role::judge})
        settings_.filter_fds.push_back(compiled_filter(role));
    }
  }
  ~Settings() {
    for (const int fd : settings_.filter_fds) close(fd);
  }
  Settings(const Settings&) = delete;
  Settings& operator=(const Settings&) = delete;

  const WorkerSettings& get() const { return settings_; }

 private:
  WorkerSettings settings_;
};

// Removed when it ends.
class Directory {
 public:
  Directory() : path_(new_directory()) {}
  ~Directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace

std::string_view outcome_name(Outcome outcome) {
  for (const auto& [each, text] : names)
    if (each == outcome) return text;
  return "killed";
}

void Limits::check() const {
  positive("wall_ms", wall_ms);
  positive("cpu_ms", cpu_ms);
  positive("memory_bytes", memory_bytes);
  positive("output_bytes", output_bytes);
  positive("file_bytes", file_bytes);
  if (memory_bytes < least_memory_bytes)
    throw ConfigError("limits.memory_bytes: an interpreter alone needs " + std::to_string(least_memory_bytes) +
                      ", got " + std::to_string(memory_bytes));
}

// The threads, one a worker, and the programs that wait.
class Sandbox::Pool {
 public:
  explicit Pool(const Options& options) : settings_(options) {
    const int wanted = options.workers > 0 ? options.workers : static_cast<int>(std::thread::hardware_concurrency());
    const int count = std::max(wanted, 1);
    std::vector<std::future<void>> ready;
    for (int i = 0; i < count; ++i) {
      std::promise<void> promise;
      ready.push_back(promise.get_future());
      threads_.emplace_back([this, i, started = std::move(promise)]() mutable { work(i, std::move(started)); });
    }
    std::exception_ptr error;
    for (auto& each : ready) {
      try {
        each.get();
      } catch (...) {
        error = std::current_exception();
      }
    }
    if (error) {
      stop();
      std::rethrow_exception(error);
    }
  }
  ~Pool() { stop(); }
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  void submit(const Program& program, std::function<void(Report)> done, Cancelled cancelled) {
    program.limits.check();
    if (std::string why = unreadable(program.source); !why.empty()) {
      Report report = failure(Outcome::syntax_error, std::move(why));
      report.exception_type = "SyntaxError";
      done(std::move(report));
      return;
    }
    std::string job;
    try {
      job = job_of(program);
    } catch (const json::exception& error) {
      done(failure(Outcome::invalid_tests, std::string("the tests or the set-up are not UTF-8: ") + error.what()));
      return;
    }
    {
      const std::lock_guard lock(mu_);
      waiting_.push_back({std::move(job), program.limits.wall_ms, std::move(done), std::move(cancelled)});
    }
    changed_.notify_one();
  }

  int workers() const { return static_cast<int>(threads_.size()); }

 private:
  struct Waiting {
    std::string job;
    int wall_ms = 0;
    std::function<void(Report)> done;
    Cancelled cancelled;

    bool given_up() const { return cancelled && *cancelled; }
  };

  std::optional<Waiting> next() {
    std::unique_lock lock(mu_);
    changed_.wait(lock, [&] { return stopping_ || !waiting_.empty(); });
    if (stopping_) return std::nullopt;
    Waiting first = std::move(waiting_.front());
    waiting_.pop_front();
    return first;
  }

  void work(int number, std::promise<void> started) {
    stay_on_one_core(number);
    std::unique_ptr<Worker> worker;
    try {
      start(worker, number);
      started.set_value();
    } catch (...) {
      started.set_exception(std::current_exception());
      return;
    }
    while (auto waiting = next()) waiting->done(judged(worker, number, *waiting));
  }

  void start(std::unique_ptr<Worker>& worker, int number) const {
    worker = std::make_unique<Worker>(settings_.get(), directory_.path() + "/" + std::to_string(number));
  }

  Report judged(std::unique_ptr<Worker>& worker, int number, const Waiting& waiting) const {
    if (waiting.given_up()) return failure(Outcome::killed, cancelled_message);
    Report report;
    for (int attempt = 1; attempt <= attempts_at_most; ++attempt) {
      try {
        if (!worker) start(worker, number);
      } catch (const ConfigError& error) {
        report = failure(Outcome::killed, error.what());
        report.attempts = attempt;
        continue;
      }
      Silence silence = Silence::ended;
      const auto reply = worker->ask(
          waiting.job, waiting.wall_ms + judge_grace_ms, [&] { return stopping_ || waiting.given_up(); }, silence);
      if (reply) {
        const json said = json::parse(*reply);
        report = report_of(said);
        report.attempts = attempt;
        if (!said.value("lost", false)) return report;  // lost: somebody else killed the child
        continue;
      }
      worker.reset();
      report = failure(Outcome::killed, "its worker was killed");
      if (silence == Silence::late)
        report = failure(Outcome::timed_out_wall, "a test did not end by itself");
      else if (silence == Silence::stopped)
        report.message = stopping_ ? closed_message : cancelled_message;
      report.attempts = attempt;
      if (silence != Silence::ended) return report;
    }
    return report;
  }

  void stop() {
    std::deque<Waiting> left;
    {
      const std::lock_guard lock(mu_);
      stopping_ = true;
      left.swap(waiting_);
    }
    changed_.notify_all();
    for (auto& thread : threads_) thread.join();
    threads_.clear();
    for (const auto& each : left) each.done(failure(Outcome::killed, closed_message));
  }

  const Settings settings_;
  const Directory directory_;
  std::mutex mu_;
  std::condition_variable changed_;
  std::atomic<bool> stopping_ = false;  // set under mu_
  std::deque<Waiting> waiting_;         // guarded by mu_
  std::vector<std::thread> threads_;
};

Sandbox::Sandbox(const Options& options) : pool_(std::make_unique<Pool>(options)) {}

Sandbox::~Sandbox() = default;

Report Sandbox::run(const Program& program) {
  std::promise<Report> promise;
  auto reported = promise.get_future();
  pool_->submit(program, [&](Report report) { promise.set_value(std::move(report)); }, nullptr);
  Report report = reported.get();
  if (report.outcome == Outcome::invalid_tests) throw DataError(invalid_tests_message(report));
  return report;
}

void Sandbox::submit(const Program& program, std::function<void(Report)> done, Cancelled cancelled) {
  pool_->submit(program, std::move(done), std::move(cancelled));
}

int Sandbox::workers() const { return pool_->workers(); }

std::string invalid_tests_message(const Report& report) {
  if (report.first_failed_test < 0) return report.message;
  return "tests[" + std::to_string(report.first_failed_test) + "], line " + std::to_string(report.line) + ": " +
         report.message;
}

}  // namespace cope::sandbox
