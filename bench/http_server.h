// The server that the HTTP benches measure clients against: loopback only, keep-alive, one thread, the same small chat completion for every request, after a
// delay if asked. It ends by itself, so that no bench can leave one behind.
//
//   BenchServer server(/*delay_ms=*/200);
//   std::printf("%d\n", server.port());
//   server.run(/*seconds=*/60);
//
// Thread-safety: none.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <deque>
#include <stdexcept>
#include <string>
#include <unordered_map>

namespace cope::bench {

class BenchServer {
 public:
  explicit BenchServer(int delay_ms) : delay_(delay_ms) {
    const std::string body =
        R"({"choices":[{"finish_reason":"stop","index":0,"message":{"role":"assistant","content":"Mia has 20 apples. Leo has 20 * 2 = 40 apples. The answer is \\boxed{40}."}}],)"
        R"("created":1767225600,"model":"bench","system_fingerprint":"b1","object":"chat.completion",)"
        R"("usage":{"completion_tokens":27,"prompt_tokens":41,"total_tokens":68},"id":"chatcmpl-0123456789abcdef"})";
    reply_ = "HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nServer: bench\r\nContent-Length: " +
             std::to_string(body.size()) + "\r\n\r\n" + body;
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(listener_, 4096) != 0) {
      throw std::runtime_error("cannot listen on 127.0.0.1");
    }
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    epoll_ = epoll_create1(EPOLL_CLOEXEC);
    watch(listener_);
  }
  ~BenchServer() {
    for (const auto& [fd, in] : connections_) close(fd);
    close(epoll_);
    close(listener_);
  }
  BenchServer(const BenchServer&) = delete;
  BenchServer& operator=(const BenchServer&) = delete;

  int port() const { return port_; }

  void run(int seconds) {
    const auto end = Clock::now() + std::chrono::seconds(seconds);
    while (Clock::now() < end) {
      epoll_event events[512];
      const int count = epoll_wait(epoll_, events, 512, wait_ms());
      for (int i = 0; i < count; ++i) {
        if (events[i].data.fd == listener_) {
          accept_all();
        } else {
          read_from(events[i].data.fd);
        }
      }
      for (; !due_.empty() && due_.front().when <= Clock::now(); due_.pop_front()) answer(due_.front().fd);
    }
  }

 private:
  using Clock = std::chrono::steady_clock;
  struct Due {
    Clock::time_point when;
    int fd;
  };

  void watch(int fd) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
  }

  void accept_all() {
    for (;;) {
      const int fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) return;
      const int on = 1;
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      connections_[fd].clear();
      watch(fd);
    }
  }

  void read_from(int fd) {
    char buffer[16384];
    const ssize_t bytes = recv(fd, buffer, sizeof buffer, 0);
    if (bytes < 0 && errno == EAGAIN) return;
    if (bytes <= 0) {
      connections_.erase(fd);
      close(fd);
      return;
    }
    std::string& in = connections_[fd];
    in.append(buffer, static_cast<std::size_t>(bytes));
    for (;;) {
      const std::size_t head = in.find("\r\n\r\n");
      if (head == std::string::npos) return;
      std::size_t at = in.find("ontent-");
      while (at != std::string::npos && at < head && in[at + 7] != 'L' && in[at + 7] != 'l')
        at = in.find("ontent-", at + 7);
      const std::size_t length =
          at == std::string::npos || at > head ? 0 : std::strtoul(in.c_str() + at + 14, nullptr, 10);
      if (in.size() < head + 4 + length) return;
      in.erase(0, head + 4 + length);
      if (delay_.count() == 0) {
        answer(fd);
      } else {
        due_.push_back({Clock::now() + delay_, fd});
      }
    }
  }

  void answer(int fd) const {
    if (connections_.contains(fd)) [[maybe_unused]]
      const ssize_t sent = send(fd, reply_.data(), reply_.size(), MSG_NOSIGNAL);
  }

  int wait_ms() const {
    if (due_.empty()) return 100;
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(due_.front().when - Clock::now()).count();
    return static_cast<int>(std::clamp<std::int64_t>(left, 0, 100));
  }

  const std::chrono::milliseconds delay_;
  std::string reply_;
  int listener_ = -1;
  int epoll_ = -1;
  int port_ = 0;
  std::unordered_map<int, std::string> connections_;
  std::deque<Due> due_;
};

}  // namespace cope::bench
