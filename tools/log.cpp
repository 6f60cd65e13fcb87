#include "tools/log.hpp"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>

namespace tidegauge {

namespace {
bool g_quiet = false;

spdlog::logger& logger() {
  static const auto instance = [] {
    auto made = spdlog::stderr_color_st("tidegauge");
    made->set_pattern("tidegauge: %^%v%$");
    return made;
  }();
  return *instance;
}
}  // namespace

void set_quiet(bool quiet) { g_quiet = quiet; }

bool on_terminal() { return !g_quiet && isatty(STDERR_FILENO); }

void log(LogLevel level, std::string_view text) {
  if (level == LogLevel::info && g_quiet) return;
  const spdlog::string_view_t view(text.data(), text.size());
  switch (level) {
    case LogLevel::info: logger().info(view); break;
    case LogLevel::warning: logger().warn(view); break;
    case LogLevel::error: logger().error(view); break;
  }
}

void ProgressLine::update(std::string_view text) {
  if (!on_terminal()) return;
  const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(
                       std::chrono::steady_clock::now().time_since_epoch()).count();
  if (shown_ && now - last_ms_ < 100) return;
  last_ms_ = now;
  shown_ = true;
  std::fprintf(stderr, "\r\033[K%.*s", static_cast<int>(text.size()), text.data());
  std::fflush(stderr);
}

void ProgressLine::clear() {
  if (!shown_) return;
  std::fputs("\r\033[K", stderr);
  shown_ = false;
}

ProgressLine::~ProgressLine() { clear(); }

}  // namespace tidegauge
