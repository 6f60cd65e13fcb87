// Prefixes and MAC addresses that a user lists: parsing, and finding the one that an address belongs to.
// A key list is text with one prefix (10.0.0.0/8, 2001:db8::/32, a bare address) or MAC (00:11:22:33:44:55) a line; what
// follows a # is a comment. Lists are ordered and without repetition, whatever the text's order.
// Cost of a look-up: a binary search. Thread safety: look-ups are const. Tested by tests/ingest/key_lists_test.cpp.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kernels/core/random.hpp"  // uint128
#include "kernels/core/status.hpp"

namespace tidegauge {

/// An IP prefix; bits beyond `length` are zero.
struct Prefix {
  bool v6 = false;
  uint128 address = 0;  ///< as a number: 32 bits of IPv4, 128 of IPv6
  int length = 0;       ///< 0 to 32 or 128
  int bits() const { return v6 ? 128 : 32; }
  std::string text() const;
  friend std::strong_ordering operator<=>(const Prefix&, const Prefix&) = default;
};
Expected<Prefix> parse_prefix(const std::string& text);
/// The prefix of that length which `address` belongs to.
Prefix prefix_of(bool v6, uint128 address, int length);

using Mac = std::uint64_t;  ///< 48 bits, big-endian
Expected<Mac> parse_mac(const std::string& text);
std::string mac_text(Mac mac);
inline Mac load_mac(const std::uint8_t* p) {
  Mac mac = 0;
  for (int i = 0; i < 6; ++i) mac = mac << 8 | p[i];
  return mac;
}

struct KeyList {
  std::vector<Prefix> prefixes;  ///< ascending, each once
  std::vector<Mac> macs;         ///< ascending, each once
  friend bool operator==(const KeyList&, const KeyList&) = default;
};
/// Every mistake in the text is an error with its line.
Expected<KeyList> parse_key_list(std::string_view text, const std::string& where);
Expected<KeyList> read_key_list(const std::string& path);
/// A file's name, or the list itself with commas instead of lines.
Expected<KeyList> key_list_from(const std::string& file_or_list, const std::string& option);

/// Longest match among prefixes: stretches of addresses in order, each with the innermost prefix that holds it.
class PrefixTable {
 public:
  static constexpr std::uint32_t none = 0xffffffff;
  PrefixTable() = default;
  /// Answers are positions in this list.
  explicit PrefixTable(const std::vector<Prefix>& prefixes);
  std::uint32_t find(bool v6, uint128 address) const;

 private:
  struct Stretch {
    uint128 first;
    std::uint32_t prefix;  ///< of the addresses from `first` to the next stretch
  };
  std::array<std::vector<Stretch>, 2> stretches_;  ///< IPv4, IPv6
};

}  // namespace tidegauge
