// The CPU that this process spends on each request: http_client_cpu <base_url> <requests> <in flight>. bench/http_client_cpu.py runs it beside its peers.
#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>

#include "http_load.h"

namespace {

double cpu_s() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: http_client_cpu <base_url> <requests> <in flight>\n");
    return 2;
  }
  const int in_flight = std::atoi(argv[3]);
  cope::bench::draw_many(argv[1], 2 * in_flight, in_flight);  // warm caches and libraries, as for the peers
  const double before = cpu_s();
  const cope::bench::Load load = cope::bench::draw_many(argv[1], std::atoi(argv[2]), in_flight);
  std::printf(
      "{\"requests\": %d, \"failed\": %d, \"cpu_us\": %.2f, \"wall_s\": %.3f, \"store\": \"none (no durability)\"}\n",
      load.requests, load.failed, (cpu_s() - before) * 1e6 / load.requests, load.wall_s);
  return load.failed == 0 ? 0 : 1;
}
