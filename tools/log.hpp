// Words for people, on stderr; results go to stdout. Progress only on a terminal.
#pragma once

#include <string>
#include <string_view>

namespace tidegauge {

enum class LogLevel { info, warning, error };
void set_quiet(bool quiet);
void log(LogLevel level, std::string_view text);
inline void remark(std::string_view text) { log(LogLevel::info, text); }
inline void warn(std::string_view text) { log(LogLevel::warning, text); }

/// Whether somebody reads along on stderr.
bool on_terminal();

/// One line that is rewritten in place on a terminal and silent in a pipe. Call it as often as you like.
class ProgressLine {
 public:
  ~ProgressLine();
  void update(std::string_view text);
  void clear();

 private:
  bool shown_ = false;
  long long last_ms_ = 0;
};

}  // namespace tidegauge
