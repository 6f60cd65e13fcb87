// Where the headers lie that keys (addresses, ports, VLAN, protocol) are taken from, as offsets into the captured bytes.
//
// The MAC addresses, the VLAN and the IP addresses are those of the packet as it passed the observation point: what a
// tunnel below IP carries does not change them. The ports and the protocol are those of the innermost packet that is
// reached, as HeaderFacts::transport is.
#pragma once

#include <cstdint>

#include "kernels/data/header_facts.hpp"

namespace tidegauge {

struct HeaderPlaces {
  static constexpr std::uint32_t none = 0xffffffff;

  std::uint32_t ethernet = none;   ///< outermost Ethernet header above IP: destination 6, source 6, type 2, captured
  std::uint32_t ip = none;         ///< outermost IP header, its 20 or 40 bytes with the addresses captured
  std::uint32_t transport = none;  ///< TCP or UDP header of HeaderFacts::transport, its four bytes of ports captured
  std::uint16_t vlan = 0xffff;     ///< identifier (12 bits) of the outermost VLAN tag above IP; 0xffff without one
  /// Protocol number of the innermost IP header reached, past the IPv6 extension headers and AH that were captured. An
  /// ICMP error is ICMP, and fragments keep their protocol. Says something only where `ip` is.
  std::uint8_t protocol = 0;
};

struct LocatedFacts {
  HeaderFacts facts;
  HeaderPlaces places;
};

struct DecodeOptions {
  /// The transport is that of the outermost IP packet: no tunnel below an IP header is entered. IPv6 extension headers
  /// and AH are still passed, and so is whatever precedes that IP header (VLAN, MPLS, PPPoE).
  bool outer = false;
};

}  // namespace tidegauge
