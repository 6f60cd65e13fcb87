// Ctrl-C and SIGTERM as a question that long work asks between its pieces: the piece at hand is given up, what is
// finished stays. A second signal ends the process at once, as if nobody had asked.
// Thread safety: all of it. Tested by tests/tools/bin_export_test.cpp and
// tests/host/bin_traces_test.cpp.
#pragma once

namespace tidegauge {

/// Catches SIGINT and SIGTERM while it lives, unless they are ignored, and puts back what was there before.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;
};

/// True once a signal came.
bool interrupted();

/// Thrown through a library that has no other way to stop (a walk over a capture calls back, but asks nothing). Whoever
/// starts such work catches it.
struct Interrupted {};

}  // namespace tidegauge
