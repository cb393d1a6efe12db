#include "cope/sandbox/sandbox.h"

#include <gtest/gtest.h>

namespace cope::sandbox {
namespace {

TEST(Sandbox, SaysWhichTestsPassed) {
  Sandbox sandbox({.workers = 1});
  const Report report = sandbox.run(
      {.source = "def f(x): return x + 1", .tests = {"assert f(1) == 2", "assert f(2) == 4", "assert f(3) == 4"}});
  EXPECT_EQ(report.outcome, Outcome::failed_assertion) << report.message;
  EXPECT_EQ(report.tests_passed, 2);
  EXPECT_EQ(report.first_failed_test, 1);
}

}  // namespace
}  // namespace cope::sandbox
