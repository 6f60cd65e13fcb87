// Hands out a packet's keys as numbers, one per dimension, and names them at the end.
//
// Codes: protocol and interface numbers, ports and VLANs are themselves, with `none` one above the largest; a listed
// prefix or MAC is its position in the list, then `other` (not listed) and `none` (no such header). Every packet has one
// key in every dimension, so the keys of a dimension add up to the packets and bytes of the interval.
// Cost: a load or a binary search a dimension. Const after construction. Tested by tests/ingest/keyed_sink_test.cpp.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ingest/sinks/keyed_options.hpp"
#include "kernels/data/header_places.hpp"
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
  using Codes = std::array<std::uint32_t, key_kind_names.size()>;  ///< one per dimension, in the order asked for

  /// @param path of the capture; its name may say the direction
  KeyPlan(const KeyedOptions& options, const std::string& path);

  std::size_t dimensions() const { return dimensions_.size(); }
  void codes(Codes& out, const PacketView& packet, const LocatedFacts& located, const AddressPair& addresses) const;

  std::string_view kind(std::uint32_t dimension) const { return name_of(dimensions_[dimension].kind); }
  /// Such as "443", "10.0.0.0/8", "in", "other", "none".
  std::string name(std::uint32_t dimension, std::uint32_t code) const;

 private:
  struct Dimension {
    KeyKind kind;
    KeyList keys;
    PrefixTable prefixes;
  };
  std::uint32_t code_of(const Dimension& dimension, const PacketView& packet, const LocatedFacts& located,
                        const AddressPair& addresses) const;
  std::uint32_t direction_of(const PacketView& packet, const LocatedFacts& located, const AddressPair& addresses) const;

  std::vector<Dimension> dimensions_;
  DirectionRule direction_;
  PrefixTable inside_;
  std::uint32_t file_direction_;
};

}  // namespace tidegauge
