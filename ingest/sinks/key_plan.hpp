// Hands out a packet's keys as numbers, one per dimension, and names them at the end.
//
// Codes: protocol and interface numbers, ports and VLANs are themselves, with `none` one above the largest; a listed
// prefix or MAC is its position in the list, then `other` (not listed) and `none` (no such header). Every packet has one
// key in every dimension, so the keys of a dimension add up to the packets and bytes of the interval.
// Without a list a prefix or MAC is itself: its number in a space of codes of its own, which the upper half of the
// dimension names (the upper 64 bits of an IPv6 prefix). Space 0 then holds `other` (not held), `none`, and `missed`, which
// is no key but the most that any key may lack; it is stored as a kind of its own.
// Cost: a load or a binary search a dimension. Const after construction. Tested by tests/ingest/keyed_sink_test.cpp.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ingest/sinks/keyed_options.hpp"
#include "kernels/data/header_places.hpp"
#include "kernels/data/keyed_rows.hpp"
#include "kernels/data/packet_view.hpp"

namespace tidegauge {

/// Source and destination of the outermost IP header, as numbers.
struct AddressPair {
  bool known = false, v6 = false;
  uint128 source = 0, destination = 0;
};
AddressPair addresses_of(const PacketView& packet, const LocatedFacts& located);

class KeyPlan {
 public:
  using Codes = std::array<CountedKey, key_kind_names.size()>;  ///< one per dimension, in the order asked for

  static constexpr unsigned space_shift = 16;
  static constexpr std::uint32_t number_space = 1, ipv6_space = 2;  ///< MACs and IPv4; IPv6
  static constexpr std::uint32_t index_of(std::uint32_t dimension) { return dimension & ((1u << space_shift) - 1); }
  static constexpr std::uint32_t space_of(std::uint32_t dimension) { return dimension >> space_shift; }
  enum Special : std::uint64_t { held_other, held_none, held_missed };  ///< codes of space 0 without a list

  /// @param path of the capture; its name may say the direction
  KeyPlan(const KeyedOptions& options, const std::string& path);

  std::size_t dimensions() const { return dimensions_.size(); }
  void codes(Codes& out, const PacketView& packet, const LocatedFacts& located, const AddressPair& addresses) const;

  /// Such as "dport"; "prefix-missed" of `missed`.
  std::string kind(const CountedKey& key) const;
  /// Such as "443", "10.0.0.0/8", "in", "other", "none"; "any" of `missed`.
  std::string name(const CountedKey& key) const;

 private:
  struct Dimension {
    KeyKind kind;
    KeyList keys;
    PrefixTable prefixes;
    bool held;  ///< without a list
  };
  std::uint32_t code_of(const Dimension& dimension, const PacketView& packet, const LocatedFacts& located,
                        const AddressPair& addresses) const;
  CountedKey held_key(std::uint32_t index, const PacketView& packet, const LocatedFacts& located,
                      const AddressPair& addresses) const;
  std::uint32_t direction_of(const PacketView& packet, const LocatedFacts& located, const AddressPair& addresses) const;

  std::vector<Dimension> dimensions_;
  PrefixLengths lengths_{};  ///< of prefixes without a list
  DirectionRule direction_;
  PrefixTable inside_;
  std::uint32_t file_direction_;
};

}  // namespace tidegauge
