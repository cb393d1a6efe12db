// The benches' loopback server as a program of its own: http_server <seconds> [delay_ms]; prints its port, ends by itself or with its standard input.
#include "http_server.h"

#include <csignal>
#include <cstdio>
#include <thread>

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: http_server <seconds> [delay_ms]\n");
    return 2;
  }
  cope::bench::BenchServer server(argc > 2 ? std::atoi(argv[2]) : 0);
  std::printf("%d\n", server.port());
  std::fflush(stdout);
  std::thread([] {
    while (std::getchar() != EOF) {
    }
    std::_Exit(0);  // whoever started it is gone
  }).detach();
  server.run(std::clamp(std::atoi(argv[1]), 1, 300));
  std::_Exit(0);
}
