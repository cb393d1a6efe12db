// The CPU that this process spends on each request: http_client_cpu <base_url> <requests> <in flight> [http]. With `http` the HTTP client alone draws:
// no JSON, no identities, no limiter; what remains is libcurl and the kernel. bench/http_client_cpu.py runs both beside their peers.
#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "http_load.h"

namespace {

struct Cpu {
  double user_us = 0;
  double system_us = 0;
};

Cpu cpu() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto microseconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_usec);
  };
  return {microseconds(usage.ru_utime), microseconds(usage.ru_stime)};
}

}  // namespace

int main(int argc, char** argv) {
  const bool http_only = argc == 5 && std::string_view(argv[4]) == "http";
  if (argc != 4 && !http_only) {
    std::fprintf(stderr, "usage: http_client_cpu <base_url> <requests> <in flight> [http]\n");
    return 2;
  }
  const auto run = http_only ? cope::bench::post_many : cope::bench::draw_many;
  const int in_flight = std::atoi(argv[3]);
  run(argv[1], 2 * in_flight, in_flight);  // warm caches and libraries, as for the peers
  const Cpu before = cpu();
  const cope::bench::Load load = run(argv[1], std::atoi(argv[2]), in_flight);
  const Cpu after = cpu();
  const double user_us = (after.user_us - before.user_us) / load.requests;
  const double system_us = (after.system_us - before.system_us) / load.requests;
  std::printf(
      "{\"requests\": %d, \"failed\": %d, \"cpu_us\": %.2f, \"user_us\": %.2f, \"system_us\": %.2f, \"wall_s\": %.3f, "
      "\"store\": \"none (no durability)\"}\n",
      load.requests, load.failed, user_us + system_us, user_us, system_us, load.wall_s);
  return load.failed == 0 ? 0 : 1;
}
