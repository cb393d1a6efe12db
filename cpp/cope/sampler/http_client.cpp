#include "cope/sampler/http_client.h"

#include <curl/curl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <stdexcept>
#include <utility>

#include "cope/base/error.h"
#include "cope/sampler/http_headers.h"
#include "cope/sampler/text.h"

namespace cope {
namespace {

// Servers drop idle connections after 5 s and more (uvicorn, llama.cpp: 5 s). Reusing younger ones only keeps rare the race in which a
// request leaves while the server closes, which would have to be counted as possibly billed.
constexpr long max_idle_connection_s = 4;
constexpr int other_open_files = 256;
constexpr int events_per_wait =
    64;  // few enough that replies and what they lead to leave before the next ones are read

std::int64_t now_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count();
}

void check(CURLMcode code, const char* what) {
  if (code != CURLM_OK) throw std::runtime_error(std::string(what) + ": " + curl_multi_strerror(code));
}

void allow_open_files(int connections) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  const auto needed = static_cast<rlim_t>(connections + other_open_files);
  if (limit.rlim_cur >= needed) return;
  if (limit.rlim_max != RLIM_INFINITY && limit.rlim_max < needed) {
    throw ConfigError("max_concurrency asks for " + std::to_string(connections) +
                      " connections, but this process may open " + std::to_string(limit.rlim_max) +
                      " files; raise it (ulimit -n " + std::to_string(needed) + ") or lower max_concurrency");
  }
  limit.rlim_cur = needed;
  setrlimit(RLIMIT_NOFILE, &limit);
}

CURLU* parsed_url(const std::string& url) {
  CURLU* parsed = curl_url();
  const CURLUcode code = curl_url_set(parsed, CURLUPART_URL, url.c_str(), 0);
  char* scheme = nullptr;
  const bool http = code == CURLUE_OK && curl_url_get(parsed, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
                    (std::string_view(scheme) == "http" || std::string_view(scheme) == "https");
  curl_free(scheme);
  if (http) return parsed;
  curl_url_cleanup(parsed);
  throw ConfigError("base_url must be a http:// or https:// URL, got '" + printable_url(url) + "'");
}

// One request and its reply; the easy handle stays with its target, so that its options are set once.
struct Transfer {
  CURL* easy = nullptr;
  int target = 0;
  std::size_t slot = 0;  // in Impl::active_
  std::string body;
  HttpClient::Done done;
  HttpReply reply;
  std::int64_t started_ms = 0;
  std::int64_t received = 0;
  std::int64_t max_received = 0;
  bool sent = false;    // the request began to leave
  bool resend = false;  // libcurl wanted to send it again
  bool headed = false;  // the headers came to their end
  bool overflow = false;
  std::array<char, CURL_ERROR_SIZE> error{};

  Transfer() = default;
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;
  ~Transfer() {
    if (easy != nullptr) curl_easy_cleanup(easy);
  }

  bool count(std::size_t bytes) {
    received += static_cast<std::int64_t>(bytes);
    overflow = received > max_received;
    return !overflow;
  }
};

std::size_t on_body(char* data, std::size_t, std::size_t bytes, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  if (!transfer.count(bytes)) return 0;
  transfer.reply.body.append(data, bytes);
  return bytes;
}

std::size_t on_header(char* data, std::size_t, std::size_t bytes, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  if (!transfer.count(bytes)) return 0;
  const std::string_view line(data, bytes);
  if (line.starts_with("HTTP/")) transfer.headed = false;  // a reply after an interim one
  if (line == "\r\n" || line == "\n") transfer.headed = true;
  read_header(line, transfer.reply.headers);
  return bytes;
}

// Called when the request is about to leave. A second time means that a kept connection broke and libcurl would send it again.
int on_request(void* user, char*, char*, int, int) {
  auto& transfer = *static_cast<Transfer*>(user);
  transfer.resend = transfer.sent;
  transfer.sent = true;
  return transfer.resend ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

HttpFailure failure_of(const Transfer& transfer, CURLcode code) {
  // To libcurl a connection that closes within the headers is a reply without a body.
  if (code == CURLE_OK) return transfer.headed ? HttpFailure::none : HttpFailure::cut_off;
  if (transfer.overflow) return HttpFailure::too_large;
  if (!transfer.sent) return HttpFailure::unreachable;
  if (transfer.resend) return HttpFailure::broken;
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
      return HttpFailure::timeout;
    case CURLE_UNSUPPORTED_PROTOCOL:  // no status line
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_HTTP2:
    case CURLE_BAD_CONTENT_ENCODING:
      return HttpFailure::not_http;
    case CURLE_OUT_OF_MEMORY:
      return HttpFailure::too_large;  // libcurl's answer to a header without end
    default:
      return transfer.reply.status == 0 ? HttpFailure::broken : HttpFailure::cut_off;
  }
}

}  // namespace

class HttpClient::Impl {
 public:
  explicit Impl(const HttpOptions& options)
      : ca_bundle_(options.ca_bundle.empty() ? default_ca_bundle() : options.ca_bundle) {
    static std::once_flag once;
    std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
    allow_open_files(options.max_connections);
    epoll_ = epoll_create1(EPOLL_CLOEXEC);
    event_ = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    multi_ = curl_multi_init();
    if (epoll_ < 0 || event_ < 0 || multi_ == nullptr)
      throw std::runtime_error("no file descriptors left for the HTTP client");
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = event_;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, event_, &event);
    curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &Impl::on_socket);
    curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &Impl::on_timer);
    curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, static_cast<long>(options.max_connections));
    curl_multi_setopt(multi_, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
  }

  ~Impl() {
    for (const auto& transfer : active_) curl_multi_remove_handle(multi_, transfer->easy);
    active_.clear();
    for (Target& target : targets_) target.idle.clear();
    curl_multi_cleanup(multi_);
    for (Target& target : targets_) {
      curl_slist_free_all(target.headers);
      curl_url_cleanup(target.url);
    }
    close(event_);
    close(epoll_);
  }

  int add_target(HttpTarget spec) {
    Target target;
    target.url = parsed_url(spec.url);
    for (const std::string& header : spec.headers) target.headers = curl_slist_append(target.headers, header.c_str());
    target.headers = curl_slist_append(target.headers, "Expect:");  // no round trip before a long body
    target.spec = std::move(spec);
    targets_.push_back(std::move(target));
    return static_cast<int>(targets_.size()) - 1;
  }

  void post(int target_index, std::string body, Done done, std::int64_t max_reply_bytes) {
    Target& target = targets_.at(static_cast<std::size_t>(target_index));
    std::unique_ptr<Transfer> transfer;
    if (target.idle.empty()) {
      transfer = make_transfer(target_index);
    } else {
      transfer = std::move(target.idle.back());
      target.idle.pop_back();
    }
    transfer->body = std::move(body);
    transfer->done = std::move(done);
    transfer->reply = HttpReply{};
    transfer->received = 0;
    transfer->max_received = std::min(target.spec.max_reply_bytes, max_reply_bytes);
    transfer->sent = transfer->resend = transfer->headed = transfer->overflow = false;
    transfer->error[0] = '\0';
    transfer->started_ms = now_ms();
    if (!target.spec.get) {
      curl_easy_setopt(transfer->easy, CURLOPT_POSTFIELDS, transfer->body.data());
      curl_easy_setopt(transfer->easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(transfer->body.size()));
    }
    check(curl_multi_add_handle(multi_, transfer->easy), "curl_multi_add_handle");
    transfer->slot = active_.size();
    active_.push_back(std::move(transfer));
  }

  void step(int timeout_ms) {
    run_due_timers();  // starts what was added since
    const bool ended = collect();
    std::int64_t wait = timeout_ms;
    if (ended) {
      wait = 0;
    } else if (deadline_ms_ >= 0) {
      const std::int64_t until = std::max<std::int64_t>(deadline_ms_ - now_ms(), 0);
      wait = wait < 0 ? until : std::min(wait, until);
    }
    std::array<epoll_event, events_per_wait> events;  // NOLINT: filled by epoll_wait
    const int count =
        epoll_wait(epoll_, events.data(), events_per_wait, static_cast<int>(std::min<std::int64_t>(wait, 1 << 30)));
    for (int i = 0; i < count; ++i) on_event(events[static_cast<std::size_t>(i)]);
    run_due_timers();
    collect();
  }

  void wake() {
    if (woken_.exchange(true)) return;
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = write(event_, &one, sizeof one);
  }

  std::size_t in_flight() const { return active_.size(); }

  void abandon() {
    std::vector<std::unique_ptr<Transfer>> ended;
    ended.swap(active_);
    for (const auto& transfer : ended) curl_multi_remove_handle(multi_, transfer->easy);
    for (auto& transfer : ended) {
      HttpReply reply;
      reply.failure = transfer->sent ? HttpFailure::broken : HttpFailure::unreachable;
      reply.error = "abandoned";
      reply.latency_ms = now_ms() - transfer->started_ms;
      const Done done = std::move(transfer->done);
      targets_[static_cast<std::size_t>(transfer->target)].idle.push_back(std::move(transfer));
      done(std::move(reply));
    }
  }

 private:
  struct Target {
    HttpTarget spec;
    CURLU* url = nullptr;  // parsed once, not for every request
    curl_slist* headers = nullptr;
    std::vector<std::unique_ptr<Transfer>> idle;
  };

  // What epoll watches a socket for, and what libcurl wants. A socket that libcurl lets go stays registered: most are wanted again for the
  // next request at once, and two system calls a request are saved.
  struct Watch {
    std::uint32_t registered = 0;
    std::uint32_t wanted = 0;
  };

  std::unique_ptr<Transfer> make_transfer(int target_index) {
    const Target& target = targets_[static_cast<std::size_t>(target_index)];
    auto transfer = std::make_unique<Transfer>();
    transfer->target = target_index;
    transfer->easy = curl_easy_init();
    if (transfer->easy == nullptr) throw std::bad_alloc();
    const auto set = [&](CURLoption option, auto value) { curl_easy_setopt(transfer->easy, option, value); };
    set(CURLOPT_PRIVATE, static_cast<void*>(transfer.get()));
    set(CURLOPT_CURLU, target.url);
    set(CURLOPT_HTTPHEADER, target.headers);
    set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    set(target.spec.get ? CURLOPT_HTTPGET : CURLOPT_POST, 1L);
    set(CURLOPT_WRITEFUNCTION, &on_body);
    set(CURLOPT_WRITEDATA, static_cast<void*>(transfer.get()));
    set(CURLOPT_HEADERFUNCTION, &on_header);
    set(CURLOPT_HEADERDATA, static_cast<void*>(transfer.get()));
    set(CURLOPT_PREREQFUNCTION, &on_request);
    set(CURLOPT_PREREQDATA, static_cast<void*>(transfer.get()));
    set(CURLOPT_CLOSESOCKETFUNCTION, &Impl::on_close);
    set(CURLOPT_CLOSESOCKETDATA, static_cast<void*>(this));
    set(CURLOPT_ERRORBUFFER, transfer->error.data());
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_FOLLOWLOCATION, 0L);
    set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    set(CURLOPT_TCP_KEEPALIVE, 1L);  // long generations through gateways that forget silent connections
    set(CURLOPT_MAXAGE_CONN, max_idle_connection_s);
    set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(target.spec.connect_timeout_ms));
    set(CURLOPT_TIMEOUT_MS, static_cast<long>(target.spec.timeout_ms));
    if (!ca_bundle_.empty()) set(CURLOPT_CAINFO, ca_bundle_.c_str());
    if (is_loopback_url(target.spec.url)) {
      set(CURLOPT_PROXY, "");
      set(CURLOPT_NOPROXY, "*");  // or every request looks through the environment for it
    }
    return transfer;
  }

  void run_due_timers() {
    // Bounded: a transfer that ends here and starts another one must not keep step() from returning.
    for (int round = 0; round < 4 && deadline_ms_ >= 0 && deadline_ms_ <= now_ms(); ++round) {
      deadline_ms_ = -1;
      int running = 0;
      check(curl_multi_socket_action(multi_, CURL_SOCKET_TIMEOUT, 0, &running), "curl_multi_socket_action");
    }
  }

  void on_event(const epoll_event& event) {
    const int fd = event.data.fd;
    if (fd == event_) {
      std::uint64_t count = 0;
      [[maybe_unused]] const ssize_t bytes = read(event_, &count, sizeof count);
      woken_.store(
          false);  // after the read: a wake() in between is seen by our caller, who looks at its queues after step()
      return;
    }
    Watch& watch = watch_of(fd);
    if (watch.wanted == 0) {  // the server closed a connection that waits for reuse
      watch.registered = 0;
      epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, nullptr);
      return;
    }
    int mask = 0;
    if ((event.events & EPOLLIN) != 0) mask |= CURL_CSELECT_IN;
    if ((event.events & EPOLLOUT) != 0) mask |= CURL_CSELECT_OUT;
    if ((event.events & (EPOLLERR | EPOLLHUP)) != 0) mask |= CURL_CSELECT_ERR;
    int running = 0;
    check(curl_multi_socket_action(multi_, fd, mask, &running), "curl_multi_socket_action");
  }

  bool collect() {
    bool any = false;
    int left = 0;
    while (CURLMsg* message = curl_multi_info_read(multi_, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      any = true;
      const CURLcode code = message->data.result;
      CURL* easy = message->easy_handle;
      Transfer* transfer = nullptr;
      curl_easy_getinfo(easy, CURLINFO_PRIVATE, &transfer);
      curl_multi_remove_handle(multi_, easy);
      finish(*transfer, code);
    }
    return any;
  }

  void finish(Transfer& transfer, CURLcode code) {
    std::unique_ptr<Transfer> owned = std::move(active_[transfer.slot]);
    if (transfer.slot + 1 != active_.size()) {
      active_[transfer.slot] = std::move(active_.back());
      active_[transfer.slot]->slot = transfer.slot;
    }
    active_.pop_back();
    long status = 0;
    curl_easy_getinfo(transfer.easy, CURLINFO_RESPONSE_CODE, &status);
    transfer.reply.status = static_cast<int>(status);
    transfer.reply.failure = failure_of(transfer, code);
    if (transfer.reply.failure != HttpFailure::none) {
      transfer.reply.error =
          one_line(transfer.resend || transfer.error[0] == '\0' ? "the connection broke after the request was sent"
                                                                : transfer.error.data());
    }
    transfer.reply.latency_ms = now_ms() - transfer.started_ms;
    HttpReply reply = std::move(transfer.reply);
    const Done done = std::move(transfer.done);
    targets_[static_cast<std::size_t>(transfer.target)].idle.push_back(std::move(owned));
    done(std::move(reply));
  }

  Watch& watch_of(curl_socket_t fd) {
    const auto index = static_cast<std::size_t>(fd);
    if (watches_.size() <= index) watches_.resize(index + 64);
    return watches_[index];
  }

  static int on_socket(CURL*, curl_socket_t fd, int what, void* user, void*) {
    auto& self = *static_cast<Impl*>(user);
    Watch& watch = self.watch_of(fd);
    watch.wanted = 0;
    if (what == CURL_POLL_REMOVE) return 0;
    if ((what & CURL_POLL_IN) != 0) watch.wanted |= EPOLLIN;
    if ((what & CURL_POLL_OUT) != 0) watch.wanted |= EPOLLOUT;
    if (watch.wanted == watch.registered) return 0;
    epoll_event event{};
    event.events = watch.wanted;
    event.data.fd = fd;
    epoll_ctl(self.epoll_, watch.registered == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &event);
    watch.registered = watch.wanted;
    return 0;
  }

  static int on_close(void* user, curl_socket_t fd) {
    static_cast<Impl*>(user)->watch_of(fd) = Watch{};
    return close(fd);
  }

  static int on_timer(CURLM*, long timeout_ms, void* user) {
    static_cast<Impl*>(user)->deadline_ms_ = timeout_ms < 0 ? -1 : now_ms() + timeout_ms;
    return 0;
  }

  // Constant after construction.
  const std::string ca_bundle_;
  int epoll_ = -1;
  int event_ = -1;
  CURLM* multi_ = nullptr;

  // Internally synchronised.
  std::atomic<bool> woken_{false};

  // Owned by the calling thread.
  std::int64_t deadline_ms_ =
      -1;  // libcurl's next timeout, served by epoll's own: a timerfd would cost a system call a request
  std::vector<Watch> watches_;  // by file descriptor
  std::vector<Target> targets_;
  std::vector<std::unique_ptr<Transfer>> active_;
};

HttpClient::HttpClient(const HttpOptions& options) : impl_(std::make_unique<Impl>(options)) {}
HttpClient::~HttpClient() = default;
int HttpClient::add_target(HttpTarget target) { return impl_->add_target(std::move(target)); }
void HttpClient::post(int target, std::string body, Done done, std::int64_t max_reply_bytes) {
  impl_->post(target, std::move(body), std::move(done), max_reply_bytes);
}
void HttpClient::step(int timeout_ms) { impl_->step(timeout_ms); }
void HttpClient::wake() { impl_->wake(); }
std::size_t HttpClient::in_flight() const { return impl_->in_flight(); }
void HttpClient::abandon() { impl_->abandon(); }

std::string default_ca_bundle() {
  if (const char* named = std::getenv("SSL_CERT_FILE"); named != nullptr && *named != '\0') return named;
  for (const char* path : {"/etc/ssl/certs/ca-certificates.crt",                 // Debian, Ubuntu, Arch, Gentoo
                           "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  // RHEL, CentOS
                           "/etc/pki/tls/certs/ca-bundle.crt",                   // Fedora
                           "/etc/ssl/ca-bundle.pem",                             // openSUSE
                           "/etc/ssl/cert.pem"}) {                               // Alpine, macOS
    std::error_code ignored;
    if (std::filesystem::exists(path, ignored)) return path;
  }
  return "";
}

}  // namespace cope
