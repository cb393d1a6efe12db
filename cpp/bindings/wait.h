// Long native calls from Python: the work runs on a thread of its own without the GIL while the caller's thread looks after signals and progress, so
// that Ctrl-C works in a terminal and in Jupyter.
//
//   run_interruptibly([&] { result = engine.run(); }, [&] { engine.cancel(); }, tick, /*interval_ms=*/100);
//
// It returns when the work is done, or throws what the work threw. A signal (KeyboardInterrupt) or an exception from `tick` cancels the work, joins it
// and is raised afterwards.
#pragma once

#include <functional>

namespace cope::python {

// Called with the GIL held, about every interval_ms, on the calling thread; may throw error_already_set.
using Tick = std::function<void()>;

// REQUIRES: the GIL is held.
void run_interruptibly(const std::function<void()>& work, const std::function<void()>& cancel, const Tick& tick,
                       int interval_ms);

}  // namespace cope::python
