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

constexpr std::array<LinkType, 10> kDecoded{LinkType::null_loopback, LinkType::ethernet, LinkType::raw_ip_12,
                                            LinkType::raw_ip_14,     LinkType::raw_ip,   LinkType::loop,
                                            LinkType::linux_sll,     LinkType::ipv4,     LinkType::ipv6,
                                            LinkType::linux_sll2};

// By number. From the registry at tcpdump.org/linktypes.html; the rarer ones are left to their numbers.
constexpr std::array<Name, 71> kNames{{
    {0, "NULL"},
    {1, "ETHERNET"},
    {3, "AX25"},
    {6, "IEEE802_5 (token ring)"},
    {7, "ARCNET_BSD"},
    {8, "SLIP"},
    {9, "PPP"},
    {10, "FDDI"},
    {11, "ATM_RFC1483"},
    {12, "RAW"},
    {14, "RAW"},
    {50, "PPP_HDLC"},
    {51, "PPP_ETHER"},
    {99, "SYMANTEC_FIREWALL"},
    {100, "ATM_RFC1483"},
    {101, "RAW"},
    {104, "C_HDLC"},
    {105, "IEEE802_11"},
    {107, "FRELAY"},
    {108, "LOOP"},
    {113, "LINUX_SLL"},
    {114, "LTALK"},
    {117, "PFLOG"},
    {119, "IEEE802_11_PRISM"},
    {122, "IP_OVER_FC"},
    {123, "SUNATM"},
    {127, "IEEE802_11_RADIOTAP"},
    {129, "ARCNET_LINUX"},
    {138, "APPLE_IP_OVER_IEEE1394"},
    {140, "MTP2"},
    {141, "MTP3"},
    {142, "SCCP"},
    {143, "DOCSIS"},
    {144, "LINUX_IRDA"},
    {147, "USER0"},
    {149, "USER2"},
    {163, "IEEE802_11_AVS"},
    {166, "PPP_PPPD"},
    {177, "LINUX_LAPD"},
    {178, "JUNIPER_ETHER"},
    {187, "BLUETOOTH_HCI_H4"},
    {189, "USB_LINUX"},
    {190, "CAN20B"},
    {192, "PPI"},
    {195, "IEEE802_15_4"},
    {197, "ERF"},
    {201, "BLUETOOTH_HCI_H4_WITH_PHDR"},
    {204, "PPP_WITH_DIR"},
    {206, "FRELAY_WITH_DIR"},
    {209, "IPMB_LINUX"},
    {220, "USB_LINUX_MMAPPED"},
    {224, "FC_2"},
    {226, "IPNET"},
    {227, "CAN_SOCKETCAN"},
    {228, "IPV4"},
    {229, "IPV6"},
    {230, "IEEE802_15_4_NOFCS"},
    {231, "DBUS"},
    {239, "NFLOG"},
    {240, "NETANALYZER"},
    {242, "IPOIB"},
    {243, "MPEG_2_TS"},
    {248, "SCTP"},
    {249, "USBPCAP"},
    {251, "BLUETOOTH_LE_LL"},
    {253, "NETLINK"},
    {258, "PKTAP"},
    {259, "EPON"},
    {266, "INFINIBAND"},
    {272, "NORDIC_BLE"},
    {276, "LINUX_SLL2"},
}};

}  // namespace

std::optional<LinkType> decoded_link(std::uint32_t number) {
  for (const LinkType link : kDecoded) {
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
  return "a capture of Ethernet, raw IP, Linux cooked (v1, v2) or BSD loopback packets";
}

}  // namespace tidegauge
