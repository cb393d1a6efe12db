// What the tests of the store share: directories, samples, and child processes that write to a store and die.
//
//   TempDirectory directory;
//   Child child([&](Channel& out) { …; out.send(42); });     // fork: before this process has threads
//   std::int64_t value; while (child.receive(value)) …
//   child.kill(); child.wait();
//
// Thread-safety: none; used by the thread of a test.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <iterator>
#include <map>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "cope/base/error.h"
#include "cope/store/store.h"

namespace cope::store_test {

namespace fs = std::filesystem;

class TempDirectory {
 public:
  TempDirectory() {
    std::string pattern = (fs::temp_directory_path() / "cope-store-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::system_error(errno, std::generic_category(), pattern);
    path_ = pattern;
  }
  ~TempDirectory() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  TempDirectory(const TempDirectory&) = delete;
  TempDirectory& operator=(const TempDirectory&) = delete;

  std::string path(const std::string& name = "store") const { return (path_ / name).string(); }
  std::string file(const std::string& name = "store") const { return path(name) + "/cope.sqlite3"; }

 private:
  fs::path path_;
};

inline std::string read_bytes(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void write_bytes(const std::string& path, const std::string& bytes) {
  fs::create_directories(fs::path(path).parent_path());
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

// Every file of a directory with its bytes.
inline std::map<std::string, std::string> contents(const std::string& directory) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::directory_iterator(directory)) {
    files[entry.path().filename().string()] = read_bytes(entry.path().string());
  }
  return files;
}

inline Digest identity(std::int64_t number) { return sha256("sample " + std::to_string(number)); }

inline Sample make_sample(std::int64_t number, std::string text = {}) {
  Sample sample;
  sample.identity = identity(number);
  sample.text = text.empty() ? "text of " + std::to_string(number) : std::move(text);
  sample.finish_reason = "stop";
  sample.status_code = 200;
  sample.usage = {.prompt_tokens = 10, .completion_tokens = 5, .known = true};
  return sample;
}

inline std::optional<Sample> find_one(Store& store, const Digest& id) { return store.find(std::span(&id, 1)).front(); }

// Puts one sample and waits; what the callback got.
inline Written put_one(Store& store, Sample sample, std::optional<Settlement> settlement = std::nullopt) {
  Written result;
  store.put({std::move(sample)}, settlement, [&](Written written) { result = std::move(written); });
  try {
    store.flush();
  } catch (const StoreError&) {
    // The callback has it.
  }
  return result;
}

inline Reservation reserve_one(Store& store, std::int64_t amount_pusd) {
  Reservation result;
  store.reserve(amount_pusd, [&](Reservation reservation) { result = std::move(reservation); });
  store.flush();
  return result;
}

inline std::string message_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const StoreError& error) {
    return error.what();
  }
  return "(no StoreError)";
}

// Numbers from a child to its parent; each arrives whole or not at all.
class Channel {
 public:
  explicit Channel(int descriptor) : descriptor_(descriptor) {}
  void send(std::int64_t value) {
    if (::write(descriptor_, &value, sizeof value) != sizeof value) _exit(3);
  }

 private:
  int descriptor_;
};

class Child {
 public:
  // The child waits for start(), runs the body and exits with 0; with 1, and a line on standard error, if that throws.
  explicit Child(const std::function<void(Channel&)>& body) {
    int reports[2];
    int start[2];
    if (::pipe(reports) != 0 || ::pipe(start) != 0) throw std::runtime_error("no pipe");
    pid_ = ::fork();
    if (pid_ < 0) throw std::runtime_error("no child process");
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // nobody is left behind, however the test ends
      ::close(reports[0]);
      ::close(start[1]);
      char go = 0;
      if (::read(start[0], &go, 1) != 1) _exit(2);
      try {
        Channel channel(reports[1]);
        body(channel);
      } catch (const std::exception& error) {
        std::cerr << "child: " << error.what() << std::endl;
        _exit(1);
      }
      _exit(0);
    }
    ::close(reports[1]);
    ::close(start[0]);
    reports_ = reports[0];
    start_ = start[1];
  }
  ~Child() {
    kill();
    wait();
    ::close(reports_);
    ::close(start_);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  void start() const {
    if (::write(start_, "!", 1) != 1) throw std::runtime_error("the child is gone");
  }
  // false: the child is gone and everything that it sent was received.
  bool receive(std::int64_t& value) const {
    ssize_t got = 0;
    do {
      got = ::read(reports_, &value, sizeof value);
    } while (got < 0 && errno == EINTR);
    return got == sizeof value;
  }
  std::vector<std::int64_t> receive_all() const {
    std::vector<std::int64_t> values;
    for (std::int64_t value = 0; receive(value);) values.push_back(value);
    return values;
  }
  void kill() const {
    if (pid_ > 0) ::kill(pid_, SIGKILL);
  }
  // The exit status; -1: killed.
  int wait() {
    if (pid_ > 0) {
      int status = 0;
      ::waitpid(pid_, &status, 0);
      status_ = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
      pid_ = 0;
    }
    return status_;
  }

 private:
  pid_t pid_ = 0;
  int status_ = -1;
  int reports_ = -1;
  int start_ = -1;
};

// For children, where no assertion of GoogleTest reaches the parent.
inline void require(bool condition, const std::string& what) {
  if (!condition) throw std::runtime_error(what);
}

}  // namespace cope::store_test
