// A server that answers after 200 ms, 1,024 requests in flight: the share of the ideal throughput (1,024 / 0.2 s) that the client reaches.
// http_latency [rounds]: rounds x 1,024 requests in all.
#include <sys/wait.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "http_load.h"
#include "http_server.h"

int main(int argc, char** argv) {
  constexpr int in_flight = 1024;
  constexpr int delay_ms = 200;
  const int rounds = argc > 1 ? std::clamp(std::atoi(argv[1]), 1, 200) : 40;
  cope::bench::BenchServer server(delay_ms);
  const pid_t child = fork();
  if (child == 0) {
    server.run(120);
    std::_Exit(0);
  }
  const cope::bench::Load load = cope::bench::draw_many("http://127.0.0.1:" + std::to_string(server.port()) + "/v1",
                                                        rounds * in_flight, in_flight);
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  const double ideal_s = rounds * delay_ms / 1000.0;
  std::printf(
      "{\"bench\": \"http_latency\", \"requests\": %d, \"failed\": %d, \"in_flight\": %d, \"delay_ms\": %d, "
      "\"wall_s\": %.3f, "
      "\"requests_per_s\": %.0f, \"ideal_per_s\": %.0f, \"share_of_ideal\": %.3f, \"claim\": \">= 0.90\", \"holds\": "
      "%s, "
      "\"store\": \"none (no durability)\"}\n",
      load.requests, load.failed, in_flight, delay_ms, load.wall_s, load.requests / load.wall_s,
      in_flight * 1000.0 / delay_ms, ideal_s / load.wall_s, ideal_s / load.wall_s >= 0.9 ? "true" : "false");
  return load.failed == 0 ? 0 : 1;
}
