#include "sampler/loopback_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <stdexcept>

namespace cope::test {

using Clock = std::chrono::steady_clock;

struct LoopbackServer::Connection {
  int fd = -1;
  int number = 0;
  std::string in;
  std::string out;
  bool writing = false;  // epoll watches for room
  bool busy = false;     // a reply is under way: the next request waits
  bool close_when_sent = false;
};

struct LoopbackServer::Later {
  int fd = -1;
  int connection = 0;
  std::string bytes;
  bool last = false;
  bool close = false;
  bool reset = false;
};

LoopbackServer::LoopbackServer(Handler handler) : handler_(std::move(handler)) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(listener_, 4096) != 0) {
    throw std::runtime_error("the test server cannot listen on 127.0.0.1");
  }
  getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  event_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  for (const int fd : {listener_, event_}) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
  }
  thread_ = std::thread([this] { serve(); });
}

LoopbackServer::~LoopbackServer() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(event_, &one, sizeof one);
  thread_.join();
  for (const auto& [fd, connection] : open_) close(fd);
  for (const int fd : {listener_, epoll_, event_}) close(fd);
}

std::vector<std::string> LoopbackServer::bodies() const {
  const std::lock_guard lock(mutex_);
  return bodies_;
}

void LoopbackServer::serve() {
  for (;;) {
    epoll_event events[64];
    const int count = epoll_wait(epoll_, events, 64, wait_ms());
    for (int i = 0; i < count; ++i) {
      const int fd = events[i].data.fd;
      if (fd == event_) return;
      if (fd == listener_) {
        accept_all();
      } else {
        if (open_.contains(fd) && (events[i].events & EPOLLOUT) != 0) flush(fd);
        if (open_.contains(fd) && (events[i].events & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0) read_from(fd);
      }
    }
    run_due();
  }
}

void LoopbackServer::accept_all() {
  for (;;) {
    const int fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    open_[fd].fd = fd;
    open_[fd].number = connections_.fetch_add(1);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
  }
}

void LoopbackServer::read_from(int fd) {
  char buffer[65536];
  for (;;) {
    const ssize_t bytes = recv(fd, buffer, sizeof buffer, 0);
    if (bytes == 0 || (bytes < 0 && errno != EAGAIN)) return drop(fd, false);
    if (bytes < 0) break;
    open_[fd].in.append(buffer, static_cast<std::size_t>(bytes));
  }
  while (open_.contains(fd) && !open_[fd].busy && take_request(open_[fd])) {
  }
}

bool LoopbackServer::take_request(Connection& connection) {
  const std::size_t end = connection.in.find("\r\n\r\n");
  if (end == std::string::npos) return false;
  Request request;
  request.head = connection.in.substr(0, end + 2);
  std::string lower = request.head;
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const std::size_t at = lower.find("\r\ncontent-length:");
  const std::size_t length = at == std::string::npos ? 0 : std::strtoul(lower.c_str() + at + 17, nullptr, 10);
  if (connection.in.size() < end + 4 + length) return false;
  request.body = connection.in.substr(end + 4, length);
  connection.in.erase(0, end + 4 + length);
  request.method = request.head.substr(0, request.head.find(' '));
  request.path = request.head.substr(request.method.size() + 1);
  request.path.resize(request.path.find(' '));
  request.number = requests_.load();
  request.connection = connection.number;
  {
    const std::lock_guard lock(mutex_);
    bodies_.push_back(request.body);
  }
  requests_.fetch_add(1);
  most_at_once_.store(std::max(most_at_once_.load(), ++waiting_));
  connection.busy = true;
  answer(connection, handler_(request));
  return true;
}

void LoopbackServer::answer(Connection& connection, const Reply& reply) {
  if (reply.hang) return;
  auto when = Clock::now() + std::chrono::milliseconds(reply.delay_ms);
  const std::size_t piece = reply.drip == 0 ? std::max<std::size_t>(reply.bytes.size(), 1) : reply.drip;
  for (std::size_t at = 0; at == 0 || at < reply.bytes.size(); at += piece) {
    Later later{
        connection.fd, connection.number, reply.bytes.substr(at, piece), at + piece >= reply.bytes.size(), false,
        false};
    later.close = later.last && reply.close;
    later.reset = later.last && reply.reset;
    later_.emplace(when, std::move(later));
    when += std::chrono::milliseconds(1);
  }
}

void LoopbackServer::run_due() {
  while (!later_.empty() && later_.begin()->first <= Clock::now()) {
    const Later later = std::move(later_.begin()->second);
    later_.erase(later_.begin());
    if (later.last) --waiting_;
    const auto found = open_.find(later.fd);
    if (found == open_.end() || found->second.number != later.connection) continue;
    Connection& connection = found->second;
    connection.out += later.bytes;
    if (later.reset) {
      drop(later.fd, true);
      continue;
    }
    connection.close_when_sent = later.close;
    if (later.last) connection.busy = false;
    flush(later.fd);
    while (open_.contains(later.fd) && !open_[later.fd].busy && take_request(open_[later.fd])) {
    }
  }
}

void LoopbackServer::flush(int fd) {
  Connection& connection = open_[fd];
  while (!connection.out.empty()) {
    const ssize_t bytes = send(fd, connection.out.data(), connection.out.size(), MSG_NOSIGNAL);
    if (bytes < 0 && errno != EAGAIN) return drop(fd, false);
    if (bytes < 0) break;
    connection.out.erase(0, static_cast<std::size_t>(bytes));
  }
  if (connection.out.empty() && connection.close_when_sent) return drop(fd, false);
  if (connection.writing == !connection.out.empty()) return;
  connection.writing = !connection.out.empty();
  epoll_event event{};
  event.events = connection.writing ? EPOLLIN | EPOLLOUT : EPOLLIN;
  event.data.fd = fd;
  epoll_ctl(epoll_, EPOLL_CTL_MOD, fd, &event);
}

void LoopbackServer::drop(int fd, bool reset) {
  if (reset) {
    const linger now{1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  }
  open_.erase(fd);
  close(fd);
}

int LoopbackServer::wait_ms() const {
  if (later_.empty()) return -1;
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(later_.begin()->first - Clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left + 1, 0, 10'000));
}

LoopbackServer::Reply http_reply(int status, std::string_view body, std::string_view headers) {
  LoopbackServer::Reply reply;
  reply.bytes = "HTTP/1.1 " + std::to_string(status) +
                " Scripted\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
                "\r\n";
  reply.bytes.append(headers).append("\r\n").append(body);
  return reply;
}

LoopbackServer::Reply chunked_reply(int status, std::string_view body, std::size_t chunk) {
  LoopbackServer::Reply reply;
  reply.bytes = "HTTP/1.1 " + std::to_string(status) + " Scripted\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (std::size_t at = 0; at < body.size(); at += chunk) {
    const std::string_view piece = body.substr(at, chunk);
    char size[32];
    std::snprintf(size, sizeof size, "%zx\r\n", piece.size());
    reply.bytes.append(size).append(piece).append("\r\n");
  }
  reply.bytes += "0\r\n\r\n";
  return reply;
}

std::string chat_json(const std::vector<std::string>& texts) {
  std::string out = "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\",\"choices\":[";
  for (std::size_t i = 0; i < texts.size(); ++i) {
    out += (i == 0 ? "" : ",") + std::string("{\"index\":") + std::to_string(i) +
           ",\"finish_reason\":\"stop\",\"message\":{\"role\":\"assistant\",\"content\":\"" + texts[i] + "\"}}";
  }
  const std::size_t tokens = 5 * texts.size();
  return out + "],\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":" + std::to_string(tokens) +
         ",\"total_tokens\":" + std::to_string(tokens + 10) + "}}";
}

std::string echo_json(const LoopbackServer::Request& request) {
  const std::int64_t n = std::max<std::int64_t>(number_in(request.body, "n"), 1);
  std::vector<std::string> texts;
  for (std::int64_t i = 0; i < n; ++i) {
    texts.push_back("seed " + std::to_string(number_in(request.body, "seed")) + " choice " + std::to_string(i));
  }
  return chat_json(texts);
}

std::int64_t number_in(std::string_view body, std::string_view name) {
  const std::size_t at = body.find("\"" + std::string(name) + "\":");
  return at == std::string_view::npos ? -1 : std::strtoll(body.data() + at + name.size() + 3, nullptr, 10);
}

}  // namespace cope::test
