// One worker: the processes that run one program at a time, and the socket to them.
//
//   Worker worker(settings, "/tmp/cope-sandbox-x/0");   // starts them, waits until they are ready
//   std::optional<std::string> reply = worker.ask(job_json, deadline_ms, stop, silence);   // none: `silence` says why
//
// Thread-safety: used by one thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace cope::sandbox {

struct WorkerSettings {
  std::string interpreter;  // a path
  std::string support;      // the directory of main.py and the confinement library
  bool landlock = true;
  std::vector<int> filter_fds;  // one a Role, in their order; none: no seccomp
};

using Stop = std::function<bool()>;  // whether to wait no longer; asked every 50 ms

enum class Silence : std::uint8_t { ended, late, stopped };

class Worker {
 public:
  // Makes the directory. Throws ConfigError when the processes do not become ready, with what they said.
  Worker(const WorkerSettings& settings, std::string directory);
  ~Worker();  // kills, reaps and removes the directory
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // The reply, or why there is none; after that the worker is of no more use.
  std::optional<std::string> ask(const std::string& job, int deadline_ms, const Stop& stop, Silence& silence);

 private:
  void start(const WorkerSettings& settings);
  void stop();

  std::string directory_;
  int socket_ = -1;
  pid_t pid_ = -1;
};

}  // namespace cope::sandbox
