// Runs untrusted Python programs, fast, and says what happened: a pool of warm workers, each a Python interpreter of its own that forks one confined
// child a program.
//
//   Sandbox sandbox({.interpreter = "python3", .workers = 2});
//   Report report = sandbox.run({.source = "def f(x): return x + 1", .tests = {"assert f(1) == 2", "assert f(2) == 3"}});
//   report.outcome == Outcome::passed; report.tests_passed == 2
//
// A worker is three processes. The zygote imports what programs use and forks; it never sees a program. The judge holds the tests and evaluates them: what a
// test calls of the program runs in the child, what the test compares is compared in the judge, on plain values that the child sent. The child holds the
// program alone. It is confined by no_new_privs, rlimits, Landlock and seccomp (confine.c); what it says about itself decides nothing. Where the form of a
// test does not allow that (it passes a function of its own to the program), the test runs in the child, and the report says so (`tests_inside`).
//
// All tests run, the first failure notwithstanding, until the time is up. Failures of programs are values; misuse throws.
//
// Thread-safety: internally synchronised.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cope::sandbox {

struct Limits {
  int wall_ms = 5'000;  // from the start of the program to the end of its last test
  int cpu_ms = 5'000;
  std::int64_t memory_bytes = 512LL << 20;  // of address space, the interpreter's own (about 50 MiB) included
  std::int64_t output_bytes = 1LL << 20;    // standard output and error together; also the size of one returned value
  std::int64_t file_bytes = 1LL << 20;      // all files in the temporary directory together

  // Throws ConfigError naming the limit that cannot be.
  void check() const;
};

struct Program {
  std::string source = {};  // its top level runs first
  // Trusted code before it, such as imports, and after it (MBPP 367 and 927 build objects of the program's classes there).
  std::string setup_before = {};
  std::string setup_after = {};
  // Each one or more statements ("assert f(2) == 4"), run one by one; may be empty.
  std::vector<std::string> tests = {};
  // HumanEval: each test defines check(candidate), which is then called with this name of the program.
  std::optional<std::string> entry_point = {};
  // Program-of-Thought: report the value of this top-level name; globals and locals are separate, as published.
  std::optional<std::string> result_name = {};
  // What date.today(), datetime.now() and time.time() say (UTC).
  std::optional<std::int64_t> frozen_unix_s = {};
  Limits limits = {};
};

enum class Outcome : std::uint8_t {
  passed,  // every test; without tests: the program ended
  failed_assertion,
  exception,
  syntax_error,  // also: empty, too long, NUL bytes, not UTF-8
  timed_out_wall,
  timed_out_cpu,
  out_of_memory,
  killed,  // by a signal, or it ended itself before its verdict
  output_too_large,
  forbidden,      // a system call, a file or a network that programs may not have
  invalid_tests,  // the tests, not the program: run() throws it as DataError
};

std::string_view outcome_name(Outcome outcome);  // "passed", "failed_assertion", ...

struct Report {
  Outcome outcome = Outcome::passed;
  int tests_passed = 0;
  int tests_inside = 0;        // of all tests: those whose comparisons the program itself could have influenced
  int first_failed_test = -1;  // index in Program::tests; -1: none, or the program failed before any test
  std::string
      exception_type;  // "ZeroDivisionError"; empty unless an exception, a syntax error or a forbidden operation ended it
  int line = 0;        // of `source`; 0: unknown
  std::string message;               // one line for people
  std::optional<std::string> value;  // str() of result_name's value, as far as 64 KiB
  std::string value_type;            // "int", "float", "str", ...
  std::string output;                // standard output and error, in order
  int attempts = 1;                  // 2: the worker was killed under it, and it was run again
  int wall_ms = 0;
  int cpu_ms = 0;
};

// "tests[2], line 1: invalid syntax", of a report whose outcome is invalid_tests.
std::string invalid_tests_message(const Report& report);

enum class Isolation : std::uint8_t { full, reduced };

struct Options {
  std::string interpreter = "python3";  // a path, or a name looked up in PATH; CPython 3.8 or later
  int workers = 0;                      // 0: one a core
  // reduced: goes without what the kernel lacks (Landlock, seccomp), which is no protection against malice.
  Isolation isolation = Isolation::full;
  std::string support =
      {};  // directory of main.py and the confinement library; empty: beside the binary that holds this code
};

// Set by whoever gives up on a program: what runs is killed within 50 ms, what waits is not run.
using Cancelled = std::shared_ptr<const std::atomic<bool>>;

class Sandbox {
 public:
  // Starts the workers. Throws ConfigError: a missing interpreter, a kernel mechanism that is missing (by its name), a temporary directory that cannot be
  // written.
  explicit Sandbox(const Options& options);
  // Ends the workers; programs that wait are reported as killed.
  ~Sandbox();
  Sandbox(const Sandbox&) = delete;
  Sandbox& operator=(const Sandbox&) = delete;

  // Blocks. Throws ConfigError for limits that cannot be, DataError for tests that cannot be parsed (the test and its line).
  Report run(const Program& program);
  // Calls back once, on a thread of the sandbox, which must not be kept waiting; cancelled programs are reported as killed. Throws ConfigError for limits
  // that cannot be.
  void submit(const Program& program, std::function<void(Report)> done, Cancelled cancelled = nullptr);

  int workers() const;

 private:
  class Pool;
  std::unique_ptr<Pool> pool_;
};

}  // namespace cope::sandbox
