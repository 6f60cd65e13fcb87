#include "ingest/formats/link_names.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace tidegauge {
namespace {

struct Name {
  std::uint16_t number;
  std::string_view name;
};

// By number. From the registry at tcpdump.org/linktypes.html; the rarer ones are left to their numbers.
constexpr std::array kNames{
    Name{0, "NULL"},
    Name{1, "ETHERNET"},
    Name{3, "AX25"},
    Name{6, "IEEE802_5 (token ring)"},
    Name{7, "ARCNET_BSD"},
    Name{8, "SLIP"},
    Name{9, "PPP"},
    Name{10, "FDDI"},
    Name{11, "ATM_RFC1483"},
    Name{12, "RAW"},
    Name{14, "RAW"},
    Name{50, "PPP_HDLC"},
    Name{51, "PPP_ETHER"},
    Name{99, "SYMANTEC_FIREWALL"},
    Name{100, "ATM_RFC1483"},
    Name{101, "RAW"},
    Name{104, "C_HDLC"},
    Name{105, "IEEE802_11"},
    Name{107, "FRELAY"},
    Name{108, "LOOP"},
    Name{109, "ENC"},
    Name{113, "LINUX_SLL"},
    Name{114, "LTALK"},
    Name{117, "PFLOG"},
    Name{119, "IEEE802_11_PRISM"},
    Name{122, "IP_OVER_FC"},
    Name{123, "SUNATM"},
    Name{127, "IEEE802_11_RADIOTAP"},
    Name{129, "ARCNET_LINUX"},
    Name{138, "APPLE_IP_OVER_IEEE1394"},
    Name{140, "MTP2"},
    Name{141, "MTP3"},
    Name{142, "SCCP"},
    Name{143, "DOCSIS"},
    Name{144, "LINUX_IRDA"},
    Name{147, "USER0"},
    Name{149, "USER2"},
    Name{163, "IEEE802_11_AVS"},
    Name{166, "PPP_PPPD"},
    Name{177, "LINUX_LAPD"},
    Name{178, "JUNIPER_ETHER"},
    Name{187, "BLUETOOTH_HCI_H4"},
    Name{189, "USB_LINUX"},
    Name{190, "CAN20B"},
    Name{192, "PPI"},
    Name{195, "IEEE802_15_4"},
    Name{197, "ERF"},
    Name{201, "BLUETOOTH_HCI_H4_WITH_PHDR"},
    Name{204, "PPP_WITH_DIR"},
    Name{206, "FRELAY_WITH_DIR"},
    Name{209, "IPMB_LINUX"},
    Name{220, "USB_LINUX_MMAPPED"},
    Name{224, "FC_2"},
    Name{226, "IPNET"},
    Name{227, "CAN_SOCKETCAN"},
    Name{228, "IPV4"},
    Name{229, "IPV6"},
    Name{230, "IEEE802_15_4_NOFCS"},
    Name{231, "DBUS"},
    Name{239, "NFLOG"},
    Name{240, "NETANALYZER"},
    Name{242, "IPOIB"},
    Name{243, "MPEG_2_TS"},
    Name{248, "SCTP"},
    Name{249, "USBPCAP"},
    Name{251, "BLUETOOTH_LE_LL"},
    Name{253, "NETLINK"},
    Name{258, "PKTAP"},
    Name{259, "EPON"},
    Name{266, "INFINIBAND"},
    Name{272, "NORDIC_BLE"},
    Name{276, "LINUX_SLL2"},
};

}  // namespace

std::optional<LinkType> decoded_link(std::uint32_t number) {
  for (const LinkType link : all_link_types) {
    if (static_cast<std::uint32_t>(link) == number) return link;
  }
  return std::nullopt;
}

std::string link_name(std::uint32_t number) {
  const auto* const found =
      std::find_if(kNames.begin(), kNames.end(), [&](const Name& n) { return n.number == number; });
  if (found == kNames.end()) return "link type " + std::to_string(number);
  return "link type " + std::to_string(number) + " " + std::string(found->name);
}

std::string undecoded_link_remedy() {
  return "a capture of Ethernet, 802.11, PPP, Cisco HDLC, frame relay, ATM, raw IP, Linux cooked, NFLOG or "
         "BSD loopback "
         "packets";
}

}  // namespace tidegauge
