#include "wait.h"

#include <pybind11/pybind11.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>

namespace py = pybind11;

namespace cope::python {

namespace {

constexpr int signal_check_ms = 50;

struct State {
  std::mutex mu;
  std::condition_variable done_changed;
  bool done = false;         // guarded by mu
  std::exception_ptr error;  // guarded by mu; what the work threw
};

// True when the work is done.
bool wait_without_gil(State& state, int wait_ms) {
  const py::gil_scoped_release release;  // the work may need the GIL for the user's functions
  std::unique_lock lock(state.mu);
  return state.done_changed.wait_for(lock, std::chrono::milliseconds(wait_ms), [&] { return state.done; });
}

}  // namespace

void run_interruptibly(const std::function<void()>& work, const std::function<void()>& cancel, const Tick& tick,
                       int interval_ms) {
  State state;
  std::thread worker([&] {
    std::exception_ptr error;
    try {
      work();
    } catch (...) {
      error = std::current_exception();
    }
    const std::lock_guard lock(state.mu);
    state.error = error;
    state.done = true;
    state.done_changed.notify_all();
  });
  const auto join = [&] {
    const py::gil_scoped_release release;  // a last call into Python may still be under way
    worker.join();
  };

  try {
    int since_tick_ms = 0;
    const int wait_ms = std::clamp(interval_ms, 1, signal_check_ms);
    while (!wait_without_gil(state, wait_ms)) {
      if (PyErr_CheckSignals() != 0) throw py::error_already_set();
      since_tick_ms += wait_ms;
      if (since_tick_ms >= interval_ms) {
        since_tick_ms = 0;
        tick();
      }
    }
  } catch (...) {
    cancel();
    join();
    throw;  // the interruption is what the caller must see, not what it did to the work
  }
  join();
  if (state.error) std::rethrow_exception(state.error);
  tick();
}

}  // namespace cope::python
