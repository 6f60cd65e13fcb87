// What is asked of KeyedSink beyond the default counters: which packets, which keys, distinct addresses.
// Everything here changes the numbers, so host/counting_settings.hpp writes it into the series file.
// Tested by tests/ingest/keyed_sink_test.cpp.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ingest/sinks/key_lists.hpp"
#include "kernels/core/status.hpp"
#include "kernels/data/header_facts.hpp"

namespace tidegauge {

/// Domains of keys. Ports and protocol are those of the innermost packet reached, addresses, VLAN and MAC the outermost.
enum class KeyKind : std::uint8_t {
  protocol, sport, dport, vlan, interface, direction,  // bounded: every key is counted
  prefix, dst_prefix, mac, dst_mac,                    // by a list, or by a table of bounded size; of the source, or dst
};
inline constexpr std::array<std::string_view, 10> key_kind_names{
    "protocol", "sport", "dport", "vlan", "interface", "direction", "prefix", "dst-prefix", "mac", "dst-mac"};
Expected<KeyKind> key_kind_by_name(const std::string& name);
constexpr std::string_view name_of(KeyKind kind) { return key_kind_names[static_cast<std::size_t>(kind)]; }
constexpr bool needs_list(KeyKind kind) { return kind >= KeyKind::prefix; }
constexpr bool is_prefix(KeyKind kind) { return kind == KeyKind::prefix || kind == KeyKind::dst_prefix; }

/// `--only`: packets of any of these transports or families, in our meaning of them (tunnels entered).
class OnlyFilter {
 public:
  bool any() const { return (transports_ | families_) != 0; }
  Status add(const std::string& name);  ///< tcp, udp, icmp, other, ipv4, ipv6
  bool matches(const HeaderFacts& facts) const {
    return (transports_ >> static_cast<int>(facts.transport) & 1) | (families_ >> static_cast<int>(facts.family) & 1);
  }
  std::vector<std::string> names() const;

 private:
  unsigned transports_ = 0, families_ = 0;
};

/// What makes a packet go in or out; exactly one of these is given.
struct DirectionRule {
  std::vector<Prefix> prefixes{};          ///< our addresses
  std::vector<Mac> macs{};                 ///< our side of the link
  std::vector<std::uint32_t> interfaces{}; ///< capture interfaces that see what leaves us
  std::string in_name{}, out_name{};       ///< parts of the capture's file name (CAIDA: dirA, dirB)
  std::size_t ways() const {
    return static_cast<std::size_t>(!prefixes.empty()) + !macs.empty() + !interfaces.empty() +
           !(in_name.empty() && out_name.empty());
  }
};

struct KeyDimension {
  KeyKind kind = KeyKind::protocol;
  KeyList keys{};  ///< of the kinds that need one
};

/// How long prefixes are that no list gives.
struct PrefixLengths {
  int ipv4 = 16, ipv6 = 32;
};

/// `--keys auto`: a first pass over the captures fixes the keys.
struct KeyChoice {
  std::size_t most = 100;                ///< K: with the most bytes, ties by key
  PrefixLengths lengths{};
};

/// No list: of each interval the keys with the most bytes, as far as a table of so many tells (kernels/sketch/space_saving.hpp).
struct HeldKeys {
  static constexpr std::size_t default_capacity = 4096, largest_capacity = std::size_t{1} << 20;
  static constexpr int longest_ipv6 = 64;  ///< a key is a number of 64 bits
  std::size_t capacity = default_capacity;
  PrefixLengths lengths{};
};

struct KeyedOptions {
  bool outer = false;                    ///< tunnels are not entered
  std::string filter{};                  ///< libpcap's language; empty: all
  OnlyFilter only{};
  std::size_t dedup = 0;                 ///< records looked back at; 0: off
  std::vector<KeyDimension> by{};        ///< each kind at most once
  DirectionRule direction{};             ///< of --by direction
  std::optional<KeyChoice> choose{};     ///< resolved by choose_keys() before anything is counted
  std::optional<HeldKeys> held{};        ///< prefixes and MACs are counted without a list
  bool distinct = false;                 ///< sketches of source and destination addresses

  static constexpr std::size_t longest_dedup = 1024;
  /// Whether KeyedSink is needed at all.
  bool any() const { return outer || !filter.empty() || only.any() || dedup != 0 || !by.empty() || distinct; }
  /// Whether what becomes of a record depends on those before it by more than PartialSeries carries: then one capture is
  /// walked by one thread from its beginning.
  bool serial() const { return dedup != 0 || held; }
};

/// Mistakes that can be seen before any capture is read, the filter's included.
Status check_keyed_options(const KeyedOptions& options);

}  // namespace tidegauge
