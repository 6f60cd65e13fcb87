#include "host/interrupt.hpp"

#include <atomic>
#include <csignal>

namespace tidegauge {

namespace {

std::atomic<bool> g_interrupted{false};
static_assert(std::atomic<bool>::is_always_lock_free, "only lock-free atomics may be touched in a signal handler");
struct sigaction g_previous_int, g_previous_term;

void on_signal(int) { g_interrupted.store(true); }

/// Who started us with the signal ignored (a shell's background job, nohup) meant it.
void catch_unless_ignored(int signal, const struct sigaction& action, struct sigaction& previous) {
  sigaction(signal, nullptr, &previous);
  if (previous.sa_handler != SIG_IGN) sigaction(signal, &action, nullptr);
}

}  // namespace

InterruptGuard::InterruptGuard() {
  g_interrupted.store(false);
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = static_cast<int>(SA_RESETHAND) | SA_RESTART;  // the second signal meets the default
  sigemptyset(&action.sa_mask);
  catch_unless_ignored(SIGINT, action, g_previous_int);
  catch_unless_ignored(SIGTERM, action, g_previous_term);
}

InterruptGuard::~InterruptGuard() {
  sigaction(SIGINT, &g_previous_int, nullptr);
  sigaction(SIGTERM, &g_previous_term, nullptr);
}

bool interrupted() { return g_interrupted.load(); }

}  // namespace tidegauge
