// A scripted HTTP/1.1 server on 127.0.0.1 for the tests: real sockets, keep-alive, and every way to misbehave.
//
//   LoopbackServer server([](const LoopbackServer::Request& request) { return http_reply(200, chat_json({"4"})); });
//   endpoint.base_url = server.base_url();
//   EXPECT_EQ(server.requests(), 1);
//
// One thread serves all connections; the handler runs on it. Thread-safety: the counters may be read from any thread.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace cope::test {

class LoopbackServer {
 public:
  struct Request {
    std::string method;
    std::string path;
    std::string head;  // request line and headers as they came
    std::string body;
    int number = 0;      // over all connections, from 0
    int connection = 0;  // from 0
  };
  struct Reply {
    std::string bytes;     // as they go over the wire, status line and all
    int delay_ms = 0;      // before the first byte
    std::size_t drip = 0;  // bytes at a time, 1 ms apart; 0: all at once
    bool close = false;    // after the last byte
    bool reset = false;    // close with RST
    bool hang = false;     // never answer
  };
  using Handler = std::function<Reply(const Request&)>;

  explicit LoopbackServer(Handler handler);
  ~LoopbackServer();
  LoopbackServer(const LoopbackServer&) = delete;
  LoopbackServer& operator=(const LoopbackServer&) = delete;

  std::string base_url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/v1"; }
  int port() const { return port_; }
  int requests() const { return requests_.load(); }
  int connections() const { return connections_.load(); }
  int most_at_once() const { return most_at_once_.load(); }  // requests received and not yet answered
  std::vector<std::string> bodies() const;                   // of the requests so far

 private:
  struct Connection;
  struct Later;
  void serve();
  void accept_all();
  void read_from(int fd);
  bool take_request(Connection& connection);
  void answer(Connection& connection, const Reply& reply);
  void run_due();
  void flush(int fd);
  void drop(int fd, bool reset);
  int wait_ms() const;

  const Handler handler_;
  int listener_ = -1;
  int epoll_ = -1;
  int event_ = -1;
  int port_ = 0;
  std::atomic<int> requests_{0};
  std::atomic<int> connections_{0};
  std::atomic<int> most_at_once_{0};
  mutable std::mutex mutex_;
  std::vector<std::string> bodies_;  // guarded by mutex_
  int waiting_ = 0;
  std::map<int, Connection> open_;
  std::multimap<std::chrono::steady_clock::time_point, Later> later_;
  std::thread thread_;
};

// A whole reply with Content-Length; `headers` as "Name: value\r\n" lines.
LoopbackServer::Reply http_reply(int status, std::string_view body, std::string_view headers = "");
LoopbackServer::Reply chunked_reply(int status, std::string_view body, std::size_t chunk);

// A chat completion whose choices have these texts, with usage of 10 prompt tokens and 5 completion tokens a choice.
std::string chat_json(const std::vector<std::string>& texts);
// As many choices as the request's n says, each telling the seed and its index: "seed 7 choice 0".
std::string echo_json(const LoopbackServer::Request& request);
// The number after "name": in a body; -1 where there is none.
std::int64_t number_in(std::string_view body, std::string_view name);

}  // namespace cope::test
