// Link types by their LINKTYPE_ numbers (tcpdump.org/linktypes.html); the ones named here are decoded.
#pragma once

#include <array>
#include <cstdint>

namespace tidegauge {

enum class LinkType : std::uint16_t {
  null_loopback = 0,  ///< BSD loopback: 4-byte family in host byte order
  ethernet = 1,
  token_ring = 6,
  ppp = 9,
  fddi = 10,
  atm_rfc1483_11 = 11,  ///< DLT_ATM_RFC1483 written unmapped by some systems
  raw_ip_12 = 12,       ///< DLT_RAW written unmapped by some systems
  raw_ip_14 = 14,       ///< DLT_RAW on OpenBSD
  ppp_hdlc = 50,
  ppp_ether = 51,  ///< PPPoE without Ethernet
  atm_rfc1483 = 100,
  raw_ip = 101,
  c_hdlc = 104,
  ieee802_11 = 105,
  frame_relay = 107,
  loop = 108,  ///< OpenBSD loopback: 4-byte family in network byte order
  enc = 109,   ///< OpenBSD IPsec: family in host byte order, SPI, flags
  linux_sll = 113,
  pflog = 117,
  ieee802_11_prism = 119,
  sunatm = 123,
  ieee802_11_radiotap = 127,
  ieee802_11_avs = 163,
  ppi = 192,
  ipnet = 226,  ///< Solaris
  ipv4 = 228,
  ipv6 = 229,
  nflog = 239,
  ipoib = 242,
  pktap = 258,  ///< macOS
  linux_sll2 = 276,
};

inline constexpr std::array all_link_types{
    LinkType::null_loopback, LinkType::ethernet, LinkType::token_ring, LinkType::ppp, LinkType::fddi,
    LinkType::atm_rfc1483_11, LinkType::raw_ip_12, LinkType::raw_ip_14, LinkType::ppp_hdlc, LinkType::ppp_ether,
    LinkType::atm_rfc1483, LinkType::raw_ip, LinkType::c_hdlc, LinkType::ieee802_11, LinkType::frame_relay,
    LinkType::loop, LinkType::enc, LinkType::linux_sll, LinkType::pflog, LinkType::ieee802_11_prism, LinkType::sunatm,
    LinkType::ieee802_11_radiotap, LinkType::ieee802_11_avs, LinkType::ppi, LinkType::ipnet, LinkType::ipv4,
    LinkType::ipv6, LinkType::nflog, LinkType::ipoib, LinkType::pktap, LinkType::linux_sll2};

}  // namespace tidegauge
