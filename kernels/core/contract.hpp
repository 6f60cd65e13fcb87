// A broken promise inside the program stops at once, with the place. Never used for input from outside.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>

namespace tidegauge {
[[noreturn]] inline void contract_broken(const char* condition, const char* file, int line, const std::string& why) {
  std::fprintf(stderr, "tidegauge: internal contract broken: %s\n  %s at %s:%d\n  please report this\n", why.c_str(),
               condition, file, line);
  std::abort();
}
}  // namespace tidegauge

#define TG_REQUIRE(condition, why) \
  ((condition) ? static_cast<void>(0) : ::tidegauge::contract_broken(#condition, __FILE__, __LINE__, (why)))
