// The arithmetic of transfers over HTTP: how long to wait, what a header says, whom to trust with a password.
// Thread safety: pure functions. Tested by tests/host/fetch_http_rules_test.cpp.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "kernels/core/status.hpp"

namespace tidegauge {

/// How long to wait before try `tries` + 1: first·2^(tries−1) up to a minute, or what the server asks for, up to ten.
std::chrono::milliseconds retry_wait(int tries, std::chrono::milliseconds first, std::chrono::seconds asked);

/// "bytes 5-9/10".
struct ContentRange {
  std::uint64_t first = 0;
  std::optional<std::uint64_t> total{};
};
std::optional<ContentRange> parse_content_range(std::string_view text);

/// Whether credentials for one URL may be sent to the other.
bool same_server(const std::string& a, const std::string& b);

/// An error of usage if a job's URL would be no http URL, or holds credentials (which it does not repeat).
Status check_url(const std::string& url, const std::string& what);

}  // namespace tidegauge
