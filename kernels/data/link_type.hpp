// Link types by their LINKTYPE_ numbers (tcpdump.org/linktypes.html); the ones named here are decoded.
#pragma once

#include <cstdint>

namespace tidegauge {

enum class LinkType : std::uint16_t {
  null_loopback = 0,  ///< BSD loopback: 4-byte family in host byte order
  ethernet = 1,
  ppp = 9,            ///< RFC 1661, with or without ff 03 in front
  raw_ip_12 = 12,     ///< DLT_RAW written unmapped by some systems
  raw_ip_14 = 14,     ///< DLT_RAW on OpenBSD
  ppp_hdlc = 50,      ///< RFC 1662: ff 03 in front
  raw_ip = 101,
  chdlc = 104,        ///< Cisco HDLC
  loop = 108,         ///< OpenBSD loopback: 4-byte family in network byte order
  linux_sll = 113,
  ipv4 = 228,
  ipv6 = 229,
  linux_sll2 = 276,
};

}  // namespace tidegauge
