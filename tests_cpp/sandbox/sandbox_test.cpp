#include "cope/sandbox/sandbox.h"

#include <gtest/gtest.h>
#include <seccomp.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "cope/base/error.h"

namespace cope::sandbox {
namespace {

constexpr const char* add_one = "def f(x): return x + 1";

TEST(Sandbox, SaysWhichTestsPassed) {
  Sandbox sandbox({.workers = 1});
  const Report report =
      sandbox.run({.source = add_one, .tests = {"assert f(1) == 2", "assert f(2) == 4", "assert f(3) == 4"}});
  EXPECT_EQ(report.outcome, Outcome::failed_assertion) << report.message;
  EXPECT_EQ(report.tests_passed, 2);
  EXPECT_EQ(report.first_failed_test, 1);
}

TEST(Sandbox, ThrowsTestsThatDoNotParseAndReportsThemWhenSubmitted) {
  Sandbox sandbox({.workers = 1});
  const Program program{.source = add_one, .tests = {"assert True", "assert f(1"}};
  try {
    sandbox.run(program);
    FAIL() << "no error";
  } catch (const DataError& error) {
    EXPECT_NE(std::string(error.what()).find("tests[1], line 1: "), std::string::npos) << error.what();
  }
  std::promise<Report> reported;
  sandbox.submit(program, [&](Report report) { reported.set_value(std::move(report)); });
  EXPECT_EQ(reported.get_future().get().outcome, Outcome::invalid_tests);
}

TEST(Sandbox, RefusesLimitsByName) {
  Sandbox sandbox({.workers = 1});
  Program program{.source = add_one};
  program.limits.output_bytes = 0;
  try {
    sandbox.run(program);
    FAIL() << "no error";
  } catch (const ConfigError& error) {
    EXPECT_NE(std::string(error.what()).find("limits.output_bytes"), std::string::npos) << error.what();
  }
}

TEST(Sandbox, ManyThreadsGetTheirOwnReports) {
  Sandbox sandbox({.workers = 2});
  std::atomic<int> right = 0;
  std::vector<std::thread> threads;
  for (int number = 0; number < 8; ++number)
    threads.emplace_back([&, number] {
      for (int i = 0; i < 5; ++i) {
        const std::string value = std::to_string(number * 100 + i);
        right += sandbox.run({.source = "ans = " + value, .result_name = "ans"}).value == value ? 1 : 0;
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(right, 40);
}

TEST(Sandbox, ClosingReportsWhatRunsAndWhatWaits) {
  std::vector<Outcome> outcomes;
  std::mutex mu;
  {
    Sandbox sandbox({.workers = 1});
    Program endless{.source = "while True: pass"};
    endless.limits.wall_ms = 60'000;
    for (int i = 0; i < 3; ++i)
      sandbox.submit(endless, [&](const Report& report) {
        const std::lock_guard lock(mu);
        outcomes.push_back(report.outcome);
      });
  }
  EXPECT_EQ(outcomes, std::vector(3, Outcome::killed));
}

TEST(Sandbox, KillsWhatIsCancelledAndGoesOn) {
  Sandbox sandbox({.workers = 1});
  Program endless{.source = "while True: pass"};
  endless.limits.wall_ms = endless.limits.cpu_ms = 3'600'000;
  const auto cancelled = std::make_shared<std::atomic<bool>>(false);
  std::promise<Report> running, waiting;
  sandbox.submit(endless, [&](Report report) { running.set_value(std::move(report)); }, cancelled);
  sandbox.submit(endless, [&](Report report) { waiting.set_value(std::move(report)); }, cancelled);
  *cancelled = true;
  for (std::promise<Report>* each : {&running, &waiting}) {
    const Report report = each->get_future().get();
    EXPECT_EQ(report.outcome, Outcome::killed);
    EXPECT_EQ(report.message, "it was cancelled");
  }
  EXPECT_EQ(sandbox.run({.source = add_one, .tests = {"assert f(1) == 2"}}).outcome, Outcome::passed);
}

// In a process of its own that has lost a system call: what a kernel without it looks like.
std::string error_without(const char* system_call) {
  int ends[2] = {-1, -1};
  if (pipe(ends) != 0) return "";
  const pid_t pid = fork();
  if (pid == 0) {
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), seccomp_syscall_resolve_name(system_call), 0);
    seccomp_load(filter);
    std::string said = "no error";
    try {
      const Sandbox sandbox({.workers = 1});
    } catch (const ConfigError& error) {
      said = error.what();
    }
    if (write(ends[1], said.data(), said.size()) < 0) _exit(1);
    _exit(0);
  }
  close(ends[1]);
  std::string said(1000, '\0');
  const ssize_t size = read(ends[0], said.data(), said.size());
  said.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
  close(ends[0]);
  waitpid(pid, nullptr, 0);
  return said;
}

TEST(Sandbox, NamesTheKernelMechanismThatIsMissing) {
  EXPECT_NE(error_without("landlock_create_ruleset").find("this kernel lacks Landlock"), std::string::npos);
  EXPECT_NE(error_without("seccomp").find("this kernel lacks seccomp filters"), std::string::npos);
}

}  // namespace
}  // namespace cope::sandbox
