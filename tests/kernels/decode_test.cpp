#include "kernels/decode/decode.hpp"

#include <ostream>
#include <string>

#include "kernels/core/random.hpp"
#include "tests/oracle/naive_decoder.hpp"
#include "tests/packets.hpp"
#include "tests/support.hpp"

namespace tidegauge {
void PrintTo(const HeaderFacts& f, std::ostream* out) {
  *out << "transport " << static_cast<int>(f.transport) << " family " << static_cast<int>(f.family)
       << " flags " << static_cast<int>(f.tcp_flags) << " fragment " << f.fragment << " cut " << f.cut
       << " ip_bytes " << f.ip_bytes << " fcs_bytes " << static_cast<int>(f.fcs_bytes);
}
bool operator==(const HeaderFacts& a, const HeaderFacts& b) {
  return a.transport == b.transport && a.family == b.family && a.tcp_flags == b.tcp_flags &&
         a.fragment == b.fragment && a.cut == b.cut && a.ip_bytes == b.ip_bytes && a.fcs_bytes == b.fcs_bytes;
}
void PrintTo(const LocatedFacts& located, std::ostream* out) {
  PrintTo(located.facts, out);
  const HeaderPlaces& p = located.places;
  *out << " ethernet " << p.ethernet << " ip " << p.ip << " transport " << p.transport << " vlan " << p.vlan
       << " protocol " << static_cast<int>(p.protocol);
}
void PrintTo(const HeaderPlaces& places, std::ostream* out) { PrintTo(LocatedFacts{{}, places}, out); }
bool operator==(const HeaderPlaces& a, const HeaderPlaces& b) {
  return a.ethernet == b.ethernet && a.ip == b.ip && a.transport == b.transport && a.vlan == b.vlan &&
         a.protocol == b.protocol;
}
bool operator==(const LocatedFacts& a, const LocatedFacts& b) {
  return a.facts == b.facts && a.places == b.places;
}

namespace {

using namespace test;
constexpr auto T = Transport::tcp, U = Transport::udp, I = Transport::icmp, O = Transport::other;
constexpr auto V4 = IpFamily::v4, V6 = IpFamily::v6, NO = IpFamily::none;
constexpr int syn = 0x02, ack = 0x10;

struct Case {
  std::string name;
  LinkType link;
  Bytes bytes;
  HeaderFacts facts;  // of the whole packet: never cut
};

HeaderFacts facts(Transport transport, IpFamily family, std::uint32_t ip_bytes, int flags = 0,
                  bool fragment = false) {
  return {transport, family, static_cast<std::uint8_t>(flags), fragment, false, ip_bytes, 0};
}

Bytes vxlan(const Bytes& inner) { return Bytes{8, 0, 0, 0, 0, 0, 1, 0} + inner; }
Bytes geneve(std::size_t type, const Bytes& inner) {
  return Bytes{1, 0} + be16(type) + be32(1) + be32(0) + inner;
}
Bytes gtp_u(const Bytes& inner) { return Bytes{0x30, 255} + be16(inner.size()) + be32(1) + inner; }
Bytes gtp_u_extended(const Bytes& inner) {
  return Bytes{0x34, 255} + be16(inner.size() + 8) + be32(1) + Bytes{0, 0, 0, 0x85} + Bytes{1, 0, 0, 0} +
         inner;
}

std::vector<Case> link_cases() {
  const Bytes four = ipv4(6, tcp(syn)), six = ipv6(17, udp(1000, 53));
  return {
      {"ethernet, IPv4, TCP", LinkType::ethernet, eth(0x0800, four), facts(T, V4, 40, syn)},
      {"ethernet, IPv6, UDP", LinkType::ethernet, eth(0x86dd, six), facts(U, V6, 48)},
      {"ethernet padded to 60", LinkType::ethernet, eth(0x0800, ipv4(17, udp(1, 2))) + zeros(18),
       facts(U, V4, 28)},
      {"ARP", LinkType::ethernet, eth(0x0806, zeros(46)), facts(O, NO, 0)},
      {"one VLAN tag", LinkType::ethernet, eth(0x8100, vlan(0x0800, four)), facts(T, V4, 40, syn)},
      {"QinQ", LinkType::ethernet, eth(0x88a8, vlan(0x8100, vlan(0x86dd, six))), facts(U, V6, 48)},
      {"QinQ with 0x8100 outside", LinkType::ethernet, eth(0x8100, vlan(0x8100, vlan(0x0800, four))),
       facts(T, V4, 40, syn)},
      {"tags 0x9100 and 0x9200", LinkType::ethernet, eth(0x9100, vlan(0x9200, vlan(0x0800, four))),
       facts(T, V4, 40, syn)},
      {"MPLS, two labels", LinkType::ethernet, eth(0x8847, mpls(false, mpls(true, four))),
       facts(T, V4, 40, syn)},
      {"MPLS upstream, IPv6", LinkType::ethernet, eth(0x8848, mpls(true, six)), facts(U, V6, 48)},
      {"MPLS pseudo-wire with control word", LinkType::ethernet,
       eth(0x8847, mpls(true, zeros(4) + eth(0x0800, four))), facts(T, V4, 40, syn)},
      {"MPLS pseudo-wire without", LinkType::ethernet,
       eth(0x8847, mpls(true, eth(0x8100, vlan(0x86dd, six)))), facts(U, V6, 48)},
      {"MPLS above something else", LinkType::ethernet, eth(0x8847, mpls(true, Bytes(30, 0x83))),
       facts(O, NO, 0)},
      {"PPPoE, IPv4", LinkType::ethernet, eth(0x8864, pppoe(be16(0x21) + four)), facts(T, V4, 40, syn)},
      {"PPPoE, IPv6, protocol in one byte", LinkType::ethernet, eth(0x8864, pppoe(Bytes{0x57} + six)),
       facts(U, V6, 48)},
      {"PPPoE, link control", LinkType::ethernet, eth(0x8864, pppoe(be16(0xc021) + zeros(8))),
       facts(O, NO, 0)},
      {"802.3 with SNAP", LinkType::ethernet, eth(48, snap(0x0800, four)), facts(T, V4, 40, syn)},
      {"802.3 with IP's own SAP", LinkType::ethernet, eth(43, Bytes{6, 6, 3} + four), facts(T, V4, 40, syn)},
      {"802.3, spanning tree", LinkType::ethernet, eth(38, Bytes{0x42, 0x42, 3} + zeros(35)),
       facts(O, NO, 0)},
      {"802.3, foreign SNAP", LinkType::ethernet, eth(40, Bytes{0xaa, 0xaa, 3, 0, 0, 12, 8, 0} + four),
       facts(O, NO, 0)},
      {"PBB", LinkType::ethernet, eth(0x88e7, zeros(4) + eth(0x0800, four)), facts(T, V4, 40, syn)},
      {"NSH, IPv4", LinkType::ethernet, eth(0x894f, Bytes{0, 2, 2, 1} + zeros(4) + four),
       facts(T, V4, 40, syn)},
      {"NSH, Ethernet", LinkType::ethernet, eth(0x894f, Bytes{0, 2, 2, 3} + zeros(4) + eth(0x86dd, six)),
       facts(U, V6, 48)},
      {"raw, IPv4", LinkType::raw_ip, four, facts(T, V4, 40, syn)},
      {"raw, IPv6", LinkType::raw_ip, six, facts(U, V6, 48)},
      {"raw 12", LinkType::raw_ip_12, four, facts(T, V4, 40, syn)},
      {"raw 14", LinkType::raw_ip_14, six, facts(U, V6, 48)},
      {"raw, no IP", LinkType::raw_ip, Bytes(40, 0x30), facts(O, NO, 0)},
      {"IPv4 only", LinkType::ipv4, four, facts(T, V4, 40, syn)},
      {"IPv4 only, but IPv6", LinkType::ipv4, six, facts(O, NO, 0)},
      {"IPv6 only", LinkType::ipv6, six, facts(U, V6, 48)},
      {"null, little endian", LinkType::null_loopback, Bytes{2, 0, 0, 0} + four, facts(T, V4, 40, syn)},
      {"null, big endian", LinkType::null_loopback, Bytes{0, 0, 0, 2} + four, facts(T, V4, 40, syn)},
      {"null, macOS IPv6", LinkType::null_loopback, Bytes{30, 0, 0, 0} + six, facts(U, V6, 48)},
      {"loop, FreeBSD IPv6", LinkType::loop, Bytes{0, 0, 0, 28} + six, facts(U, V6, 48)},
      {"null, AppleTalk", LinkType::null_loopback, Bytes{16, 0, 0, 0} + four, facts(O, NO, 0)},
      {"cooked v1", LinkType::linux_sll, sll(1, 0x0800, four), facts(T, V4, 40, syn)},
      {"cooked v1, VLAN", LinkType::linux_sll, sll(1, 0x8100, vlan(0x86dd, six)), facts(U, V6, 48)},
      {"cooked v1, 802.2", LinkType::linux_sll, sll(1, 4, snap(0x0800, four)), facts(T, V4, 40, syn)},
      {"cooked v1, netlink", LinkType::linux_sll, sll(824, 0x0800, four), facts(O, NO, 0)},
      {"cooked v2", LinkType::linux_sll2, sll2(1, 0x86dd, six), facts(U, V6, 48)},
      {"cooked v2, CAN", LinkType::linux_sll2, sll2(280, 0x000c, zeros(16)), facts(O, NO, 0)},
  };
}

Bytes little16(std::size_t v) { return {static_cast<std::uint8_t>(v), static_cast<std::uint8_t>(v >> 8)}; }
Bytes little32(std::size_t v) { return little16(v) + little16(v >> 16); }

/// 802.11 with the two bytes of frame control; `more` follows the three addresses and the sequence control.
Bytes wlan(int frame, int flags, const Bytes& more) {
  return Bytes{static_cast<std::uint8_t>(frame), static_cast<std::uint8_t>(flags), 0, 0} + zeros(18) +
         be16(0) + more;
}
/// @param present the first word; `fields` follows it
Bytes radiotap(std::size_t present, const Bytes& fields, const Bytes& frame) {
  return Bytes{0, 0} + little16(8 + fields.size()) + little32(present) + fields + frame;
}
Bytes token_ring(int control, int source, const Bytes& more) {
  return Bytes{0x10, static_cast<std::uint8_t>(control)} + zeros(6) +
         Bytes{static_cast<std::uint8_t>(source)} + zeros(5) + more;
}
Bytes nflog_attribute(bool little, std::size_t type, const Bytes& value) {
  const std::size_t length = 4 + value.size();
  return (little ? little16(length) + little16(type) : be16(length) + be16(type)) + value +
         zeros((4 - length % 4) % 4);
}

std::vector<Case> rare_link_cases() {
  const Bytes four = ipv4(6, tcp(syn)), six = ipv6(17, udp(1000, 53));
  const HeaderFacts tcp4 = facts(T, V4, 40, syn), udp6 = facts(U, V6, 48), nothing = facts(O, NO, 0);
  const auto without_fcs = [](HeaderFacts f) {
    f.fcs_bytes = 4;
    return f;
  };
  const Bytes fcs = zeros(4), plain = wlan(0x08, 1, snap(0x0800, four));
  const Bytes tap = Bytes{0x10, 0};  // flags, and a byte to align the rate that nobody reads
  const Bytes common = little16(2) + little16(20);
  const Bytes ring = token_ring(0x40, 0, snap(0x0800, four));
  Bytes retagged = snap(0x0800, four),
        bridged = Bytes{0xaa, 0xaa, 3, 0, 0x80, 0xc2, 0, 7, 0, 0} + eth(0x0800, four);
  retagged[5] = 0xf8;
  const auto prism_header = be32(0x44) + zeros(140);
  const auto avs_header = be32(0x80211001) + be32(64) + zeros(56);
  return {
      {"PPP, address and control", LinkType::ppp, Bytes{0xff, 3, 0, 0x21} + four, tcp4},
      {"PPP, bare", LinkType::ppp, be16(0x57) + six, udp6},
      {"PPP, Cisco's framing", LinkType::ppp_hdlc, Bytes{0x0f, 0, 8, 0} + four, tcp4},
      {"PPP, Cisco's multicast", LinkType::ppp_hdlc, Bytes{0x8f, 0, 0x86, 0xdd} + six, udp6},
      {"PPP in HDLC", LinkType::ppp_hdlc, Bytes{0xff, 3, 0, 0x57} + six, udp6},
      {"PPP, MPLS", LinkType::ppp, Bytes{0xff, 3} + be16(0x281) + mpls(true, four), tcp4},
      {"PPPoE without Ethernet", LinkType::ppp_ether, pppoe(be16(0x21) + four), tcp4},
      {"PPPoE discovery", LinkType::ppp_ether, Bytes{0x11, 9, 0, 0} + be16(42) + be16(0x21) + four, nothing},
      {"Cisco HDLC", LinkType::c_hdlc, Bytes{0x0f, 0, 8, 0} + four, tcp4},
      {"Cisco HDLC, SLARP", LinkType::c_hdlc, Bytes{0x8f, 0, 0x80, 0x35} + zeros(18), nothing},
      {"frame relay, IPv4", LinkType::frame_relay, Bytes{0x18, 0x41, 3, 0xcc} + four, tcp4},
      {"frame relay, IPv6, four bytes of address", LinkType::frame_relay,
       Bytes{0x18, 0x40, 2, 1, 3, 0x8e} + six, udp6},
      {"frame relay, SNAP", LinkType::frame_relay, Bytes{0x18, 0x41, 3, 0, 0x80, 0, 0, 0, 8, 0} + four, tcp4},
      {"frame relay, bridged Ethernet", LinkType::frame_relay,
       Bytes{0x18, 0x41, 3, 0, 0x80, 0, 0x80, 0xc2, 0, 7} + eth(0x0800, four), tcp4},
      {"frame relay, PPP", LinkType::frame_relay, Bytes{0x18, 0x41, 3, 0xcf, 0, 0x21} + four, tcp4},
      {"frame relay, Cisco", LinkType::frame_relay, Bytes{0x18, 0x41, 0x86, 0xdd} + six, udp6},
      {"frame relay, LMI", LinkType::frame_relay, Bytes{0, 1, 3, 9} + zeros(30), nothing},
      {"frame relay, address of one byte", LinkType::frame_relay, Bytes{0x19, 3, 0xcc} + four, nothing},
      {"frame relay, endless address", LinkType::frame_relay, zeros(40), nothing},
      {"ATM", LinkType::atm_rfc1483, snap(0x0800, four), tcp4},
      {"ATM 11, bridged", LinkType::atm_rfc1483_11, bridged, tcp4},
      {"SunATM, LLC", LinkType::sunatm, Bytes{0x82, 0, 0, 99} + snap(0x86dd, six), udp6},
      {"SunATM, LAN emulation", LinkType::sunatm, Bytes{1, 0, 0, 99, 0, 7} + eth(0x0800, four), tcp4},
      {"SunATM, LAN emulation control", LinkType::sunatm, Bytes{1, 0, 0, 99, 0xff, 0} + eth(0x0800, four),
       nothing},
      {"SunATM, signalling", LinkType::sunatm, Bytes{6, 0, 0, 5} + zeros(40), nothing},
      {"token ring", LinkType::token_ring, ring, tcp4},
      {"token ring, routed", LinkType::token_ring,
       token_ring(0x40, 0x80, Bytes{0x06, 0x70, 0, 1, 0, 2} + snap(0x86dd, six)), udp6},
      {"token ring, route of no bytes", LinkType::token_ring,
       token_ring(0x40, 0x80, Bytes{0, 0} + snap(0x86dd, six)), nothing},
      {"token ring, MAC frame", LinkType::token_ring, token_ring(0, 0, snap(0x0800, four)), nothing},
      {"FDDI", LinkType::fddi, Bytes{0x57} + zeros(12) + snap(0x0800, four), tcp4},
      {"FDDI, station management", LinkType::fddi, Bytes{0x41} + zeros(12) + snap(0x0800, four), nothing},
      {"802.1H", LinkType::ethernet, eth(48, retagged), tcp4},
      {"IP over InfiniBand", LinkType::ipoib, zeros(40) + be16(0x0800) + be16(0) + four, tcp4},
      {"IPsec before the tunnel", LinkType::enc, little32(24) + be32(1) + be32(0) + six, udp6},
      {"pflog", LinkType::pflog, Bytes{61, 2} + zeros(62) + four, tcp4},
      {"pflog, IPv6", LinkType::pflog, Bytes{100, 30} + zeros(98) + six, udp6},
      {"ipnet", LinkType::ipnet, Bytes{1, 2} + zeros(22) + four, tcp4},
      {"ipnet, IPv6", LinkType::ipnet, Bytes{1, 26} + zeros(22) + six, udp6},
      {"nflog", LinkType::nflog,
       Bytes{2, 0, 0, 5} + nflog_attribute(true, 1, zeros(4)) + nflog_attribute(true, 10, zeros(5)) +
           nflog_attribute(true, 9, four),
       tcp4},
      {"nflog, big endian", LinkType::nflog,
       Bytes{10, 0, 0, 5} + nflog_attribute(false, 1, zeros(4)) + nflog_attribute(false, 9, six), udp6},
      {"nflog without a packet", LinkType::nflog, Bytes{2, 0, 0, 5} + nflog_attribute(true, 1, zeros(4)),
       nothing},
      {"nflog, length below the header", LinkType::nflog, Bytes{2, 0, 0, 5, 3, 0, 9, 0} + four, nothing},
      {"802.11, to the base", LinkType::ieee802_11, plain, tcp4},
      {"802.11, from the base", LinkType::ieee802_11, wlan(0x08, 2, snap(0x86dd, six)), udp6},
      {"802.11, four addresses", LinkType::ieee802_11, wlan(0x08, 3, zeros(6) + snap(0x0800, four)), tcp4},
      {"802.11, QoS", LinkType::ieee802_11, wlan(0x88, 1, zeros(2) + snap(0x0800, four)), tcp4},
      {"802.11, QoS and HT control", LinkType::ieee802_11, wlan(0x88, 0x81, zeros(6) + snap(0x0800, four)),
       tcp4},
      {"802.11, order bit without QoS", LinkType::ieee802_11, wlan(0x08, 0x81, snap(0x0800, four)), tcp4},
      {"802.11, aggregate", LinkType::ieee802_11,
       wlan(0x88, 1, Bytes{0x80, 0} + zeros(14) + snap(0x0800, four)), tcp4},
      {"802.11, protected", LinkType::ieee802_11, wlan(0x08, 0x41, snap(0x0800, four)), nothing},
      {"802.11, null", LinkType::ieee802_11, wlan(0x48, 1, snap(0x0800, four)), nothing},
      {"802.11, beacon", LinkType::ieee802_11, wlan(0x80, 0, snap(0x0800, four)), nothing},
      {"802.11, version 1", LinkType::ieee802_11, wlan(0x09, 1, snap(0x0800, four)), nothing},
      {"802.11, first fragment", LinkType::ieee802_11, wlan(0x08, 5, snap(0x0800, four)), tcp4},
      {"802.11, other fragment", LinkType::ieee802_11,
       Bytes{0x08, 1, 0, 0} + zeros(18) + Bytes{0x13, 0} + snap(0x0800, four), nothing},
      {"radiotap without fields", LinkType::ieee802_11_radiotap, radiotap(0, {}, plain), tcp4},
      {"radiotap, FCS", LinkType::ieee802_11_radiotap, radiotap(6, tap, plain + fcs), without_fcs(tcp4)},
      {"radiotap, time first", LinkType::ieee802_11_radiotap, radiotap(3, zeros(8) + tap, plain + fcs),
       without_fcs(tcp4)},
      {"radiotap, time aligned behind two words", LinkType::ieee802_11_radiotap,
       radiotap(0x80000003, little32(0) + zeros(4) + zeros(8) + tap, plain + fcs), without_fcs(tcp4)},
      {"radiotap, three words", LinkType::ieee802_11_radiotap,
       radiotap(0x80000002, little32(0x80000000) + little32(0) + tap, plain + fcs), without_fcs(tcp4)},
      {"radiotap, padded", LinkType::ieee802_11_radiotap,
       radiotap(2, Bytes{0x20, 0}, wlan(0x88, 1, zeros(4) + snap(0x0800, four))), tcp4},
      {"radiotap, FCS all there is", LinkType::ieee802_11_radiotap, radiotap(2, tap, Bytes{0xd4, 0}),
       nothing},
      {"radiotap, words beyond its length", LinkType::ieee802_11_radiotap, radiotap(0x80000002, {}, plain),
       nothing},
      {"radiotap, flags beyond its length", LinkType::ieee802_11_radiotap, radiotap(2, {}, plain), tcp4},
      {"radiotap, version 1", LinkType::ieee802_11_radiotap, Bytes{1} + radiotap(0, {}, plain), nothing},
      {"radiotap, length beyond the packet", LinkType::ieee802_11_radiotap,
       Bytes{0, 0, 0xff, 0xff} + zeros(30), nothing},
      {"Prism", LinkType::ieee802_11_prism, prism_header + plain, tcp4},
      {"AVS under Prism's link type", LinkType::ieee802_11_prism, avs_header + plain, tcp4},
      {"AVS", LinkType::ieee802_11_avs, avs_header + plain, tcp4},
      {"AVS, a length that ends in itself", LinkType::ieee802_11_avs, be32(0x80211001) + be32(7) + plain,
       nothing},
      {"cooked, 802.11", LinkType::linux_sll, sll(801, 0x0800, plain), tcp4},
      {"cooked, Prism", LinkType::linux_sll, sll(802, 0, prism_header + plain), tcp4},
      {"cooked, radiotap", LinkType::linux_sll2, sll2(803, 0, radiotap(2, tap, plain + fcs)),
       without_fcs(tcp4)},
      {"PPI, Ethernet", LinkType::ppi, Bytes{0, 0, 8, 0} + little32(1) + eth(0x0800, four), tcp4},
      {"PPI, 802.11 without FCS", LinkType::ppi,
       Bytes{0, 0, 32, 0} + little32(105) + common + zeros(20) + plain, tcp4},
      {"PPI, 802.11 with FCS, fields aligned", LinkType::ppi,
       Bytes{0, 1, 44, 0} + little32(105) + little16(5) + little16(6) + zeros(8) + common + zeros(8) +
           Bytes{1, 0} + zeros(10) + plain + fcs,
       without_fcs(tcp4)},
      {"PPI, unknown inside", LinkType::ppi, Bytes{0, 0, 8, 0} + little32(0x10001) + eth(0x0800, four),
       nothing},
      {"PPI in PPI in PPI", LinkType::ppi,
       Bytes{0, 0, 8, 0} + little32(192) + Bytes{0, 0, 8, 0} + little32(192) + Bytes{0, 0, 8, 0} +
           little32(101) + four,
       tcp4},
      {"PKTAP", LinkType::pktap, little32(108) + little32(1) + little32(1) + zeros(96) + eth(0x0800, four),
       tcp4},
      {"PKTAP, raw IP", LinkType::pktap, little32(108) + little32(1) + little32(12) + zeros(96) + six, udp6},
      {"PKTAP, no packet", LinkType::pktap, little32(108) + little32(0) + little32(1) + zeros(96) + six,
       nothing},
  };
}

std::vector<Case> ip_cases() {
  const auto ip4 = [](std::string name, Bytes ip, HeaderFacts f) {
    return Case{name, LinkType::ethernet, eth(0x0800, ip), f};
  };
  const auto ip6 = [](std::string name, Bytes ip, HeaderFacts f) {
    return Case{name, LinkType::ethernet, eth(0x86dd, ip), f};
  };
  Bytes short_header = ipv4(6, tcp(syn)), short_total = ipv4(6, tcp(syn)),
        no_total = ipv4(6, tcp(syn, zeros(100)));
  short_header[0] = 0x44;
  short_total[3] = 19;
  no_total[2] = no_total[3] = 0;
  Bytes offload = ipv6(6, tcp(ack, zeros(50))),
        jumbo = ipv6(0, Bytes{6, 0, 0xc2, 4} + be32(70'000) + tcp(ack));
  offload[4] = offload[5] = jumbo[4] = jumbo[5] = 0;
  const Bytes quoted = ipv4(6, tcp(syn));
  return {
      ip4("ICMP", ipv4(1, icmp(8)), facts(I, V4, 28)),
      ip4("ICMP error quoting TCP", ipv4(1, icmp(3, quoted)), facts(I, V4, 68)),
      ip4("ICMPv6 in IPv4", ipv4(58, icmp(128)), facts(I, V4, 28)),
      ip4("OSPF", ipv4(89, zeros(24)), facts(O, V4, 44)),
      ip4("ESP", ipv4(50, zeros(24)), facts(O, V4, 44)),
      ip4("protocol without payload", ipv4(50, {}), facts(O, V4, 20)),
      ip4("options", ipv4(6, tcp(ack), 0, zeros(12)), facts(T, V4, 52, ack)),
      ip4("first fragment", ipv4(6, tcp(ack, zeros(20)), 0x2000), facts(T, V4, 60, ack, true)),
      ip4("first fragment with 8 bytes of TCP", ipv4(6, zeros(8), 0x2000), facts(T, V4, 28, 0, true)),
      ip4("middle fragment", ipv4(6, zeros(64), 0x2001), facts(O, V4, 84, 0, true)),
      ip4("last fragment", ipv4(17, zeros(64), 0x00ff), facts(O, V4, 84, 0, true)),
      ip4("header length below 20", short_header, facts(O, V4, 40)),
      ip4("total length below the header", short_total, facts(O, V4, 19)),
      ip4("total length 0: offload", no_total, facts(T, V4, 140, syn)),
      ip4("TCP without bytes", ipv4(6, {}), facts(T, V4, 20)),
      ip4("TCP of 13 bytes", ipv4(6, Bytes(13, 0xff)), facts(T, V4, 33)),
      ip4("TCP of 14 bytes", ipv4(6, Bytes(14, 0x12)), facts(T, V4, 34, 0x12)),
      ip4("version 6 under 0x0800", ipv6(6, tcp(syn)), facts(O, NO, 0)),
      ip6("version 4 under 0x86dd", ipv4(6, tcp(syn)), facts(O, NO, 0)),
      ip6("TCP over IPv6", ipv6(6, tcp(syn | ack)), facts(T, V6, 60, syn | ack)),
      ip6("ICMPv6", ipv6(58, icmp(128)), facts(I, V6, 48)),
      ip6("no next header", ipv6(59, {}), facts(O, V6, 40)),
      ip6("hop-by-hop", ipv6(0, extension(6, tcp(syn))), facts(T, V6, 68, syn)),
      ip6("every extension header",
          ipv6(0, extension(
                      43, extension(
                              60, extension(135, extension(139, extension(140, extension(51, ah(6, tcp(syn)),
                                                                                         2))))))),
          facts(T, V6, 140, syn)),
      ip6("atomic fragment", ipv6(44, fragment6(6, 0, false, tcp(syn))), facts(T, V6, 68, syn)),
      ip6("first fragment", ipv6(44, fragment6(6, 0, true, tcp(syn))), facts(T, V6, 68, syn, true)),
      ip6("other fragment", ipv6(44, fragment6(6, 100, true, tcp(syn))), facts(O, V6, 68, 0, true)),
      ip6("payload length 0: offload", offload, facts(T, V6, 110, ack)),
      ip6("jumbogram", jumbo, facts(T, V6, 70'040, ack)),
      ip4("AH in IPv4", ipv4(51, ah(6, tcp(syn))), facts(T, V4, 64, syn)),
      ip4("extension header in IPv4", ipv4(0, extension(6, tcp(syn))), facts(O, V4, 48)),
      ip6("extension beyond the packet", ipv6(60, Bytes{6, 200} + zeros(30)), facts(O, V6, 72)),
  };
}

std::vector<Case> tunnel_cases() {
  const Bytes four = ipv4(6, tcp(syn)), six = ipv6(6, tcp(syn)), ping = ipv4(1, icmp(8));
  const auto ip4 = [](std::string name, Bytes ip, HeaderFacts f) {
    return Case{name, LinkType::raw_ip, ip, f};
  };
  std::vector<Case> cases{
      ip4("4 in 4", ipv4(4, four), facts(T, V4, 60, syn)),
      ip4("6 in 4", ipv4(41, six), facts(T, V4, 80, syn)),
      ip4("4 in 6", ipv6(4, four), facts(T, V6, 80, syn)),
      ip4("6 in 6", ipv6(41, six), facts(T, V6, 100, syn)),
      ip4("fragment inside a tunnel", ipv4(4, ipv4(6, zeros(40), 0x2009)), facts(O, V4, 80)),
      ip4("first IPv6 fragment inside a tunnel", ipv4(41, ipv6(44, fragment6(6, 0, true, tcp(syn)))),
          facts(T, V4, 88, syn)),
      ip4("wrong version in a tunnel", ipv4(4, six), facts(O, V4, 80)),
      ip4("GRE", ipv4(47, gre(0, 0x0800, 0, four)), facts(T, V4, 64, syn)),
      ip4("GRE, checksum, key and sequence", ipv4(47, gre(0xb000, 0x86dd, 12, six)), facts(T, V4, 96, syn)),
      ip4("GRE, Ethernet", ipv4(47, gre(0, 0x6558, 0, eth(0x0800, ping))), facts(I, V4, 66)),
      ip4("GRE, ERSPAN type II", ipv4(47, gre(0x1000, 0x88be, 4, Bytes{0x10} + zeros(7) + eth(0x0800, four))),
          facts(T, V4, 90, syn)),
      ip4("GRE, ERSPAN type I", ipv4(47, gre(0, 0x88be, 0, eth(0x0800, four))), facts(T, V4, 78, syn)),
      ip4("GRE, ERSPAN type III",
          ipv4(47, gre(0x1000, 0x22eb, 4, Bytes{0x20} + zeros(11) + eth(0x0800, four))),
          facts(T, V4, 94, syn)),
      ip4("GRE, ERSPAN type III with a subheader",
          ipv4(47, gre(0x1000, 0x22eb, 4, Bytes{0x20} + zeros(10) + Bytes{1} + zeros(8) + eth(0x0800, four))),
          facts(T, V4, 102, syn)),
      ip4("GRE, ERSPAN type III of IP",
          ipv4(47, gre(0x1000, 0x22eb, 4, Bytes{0x20} + zeros(9) + Bytes{8, 0} + six)),
          facts(T, V4, 100, syn)),
      ip4("GRE, ERSPAN of a later version",
          ipv4(47, gre(0x1000, 0x22eb, 4, Bytes{0x30} + zeros(11) + eth(0x0800, four))), facts(O, V4, 94)),
      ip4("GRE, PPTP", ipv4(47, gre(0x3081, 0x880b, 12, Bytes{0xff, 3} + be16(0x21) + four)),
          facts(T, V4, 80, syn)),
      ip4("GRE, MPLS", ipv4(47, gre(0, 0x8847, 0, mpls(true, four))), facts(T, V4, 68, syn)),
      ip4("GRE, source routed", ipv4(47, gre(0x4000, 0x0800, 4, four)), facts(O, V4, 68)),
      ip4("EtherIP", ipv4(97, Bytes{0x30, 0} + eth(0x0800, four)), facts(T, V4, 76, syn)),
      ip4("MPLS in IP", ipv4(137, mpls(true, four)), facts(T, V4, 64, syn)),
      ip4("VXLAN", ipv4(17, udp(50000, 4789, vxlan(eth(0x0800, four)))), facts(T, V4, 90, syn)),
      ip4("VXLAN, ARP inside", ipv4(17, udp(50000, 4789, vxlan(eth(0x0806, zeros(28))))), facts(U, V4, 78)),
      ip4("VXLAN's port, no VXLAN", ipv4(17, udp(4789, 53, zeros(60))), facts(U, V4, 88)),
      ip4("VXLAN-GPE, IPv4", ipv4(17, udp(50000, 4790, Bytes{0x0c, 0, 0, 1} + zeros(4) + four)),
          facts(T, V4, 76, syn)),
      ip4("VXLAN-GPE, IPv6", ipv4(17, udp(50000, 4790, Bytes{0x0c, 0, 0, 2} + zeros(4) + six)),
          facts(T, V4, 96, syn)),
      ip4("VXLAN-GPE, Ethernet",
          ipv4(17, udp(50000, 4790, Bytes{0x0c, 0, 0, 3} + zeros(4) + eth(0x0800, ping))), facts(I, V4, 78)),
      ip4("VXLAN-GPE, NSH",
          ipv4(17, udp(50000, 4790, Bytes{0x0c, 0, 0, 4} + zeros(4) + Bytes{0, 2, 2, 1} + zeros(4) + four)),
          facts(T, V4, 84, syn)),
      ip4("VXLAN-GPE, management", ipv4(17, udp(50000, 4790, Bytes{0x0d, 0, 0, 1} + zeros(4) + four)),
          facts(U, V4, 76)),
      ip4("L2TPv3 over IP", ipv4(115, be32(7) + eth(0x0800, four)), facts(O, V4, 78)),
      ip4("Geneve", ipv4(17, udp(50000, 6081, geneve(0x6558, eth(0x86dd, six)))), facts(T, V4, 114, syn)),
      ip4("GTP-U", ipv4(17, udp(2152, 2152, gtp_u(four))), facts(T, V4, 76, syn)),
      ip4("GTP-U with an extension", ipv4(17, udp(2152, 2152, gtp_u_extended(ping))), facts(I, V4, 72)),
      ip4("GTP-U, echo request", ipv4(17, udp(2152, 2152, Bytes{0x30, 1} + zeros(6))), facts(U, V4, 36)),
      ip4("Teredo", ipv4(17, udp(50000, 3544, six)), facts(T, V4, 88, syn)),
      ip4("Teredo, authentication and origin",
          ipv4(17, udp(3544, 50000, Bytes{0, 1, 0, 0} + zeros(9) + zeros(8) + six)), facts(T, V4, 109, syn)),
      ip4("L2TP", ipv4(17, udp(1701, 1701, Bytes{0, 2} + be32(1) + Bytes{0xff, 3} + be16(0x21) + four)),
          facts(T, V4, 78, syn)),
      ip4("L2TP with every field",
          ipv4(17, udp(1701, 1701, Bytes{0x4a, 2} + zeros(10) + be16(3) + zeros(3) + be16(0x57) + six)),
          facts(T, V4, 107, syn)),
      ip4("L2TP, control", ipv4(17, udp(1701, 1701, Bytes{0xc8, 2} + zeros(10))), facts(U, V4, 40)),
      ip4("a port near the tunnels'", ipv4(17, udp(5060, 5353, zeros(12))), facts(U, V4, 40)),
  };
  Bytes deep = four;
  for (int i = 0; i < 40; ++i) deep = ipv4(4, deep);
  cases.push_back(ip4("nested beyond any sense", deep, facts(O, V4, 840)));
  Bytes tagged = four;
  for (int i = 0; i < 7; ++i) tagged = vlan(i == 0 ? 0x0800 : 0x8100, tagged);
  cases.push_back({"seven tags", LinkType::ethernet, eth(0x8100, tagged), facts(T, V4, 40, syn)});
  return cases;
}

std::vector<Case> all_cases() {
  std::vector<Case> all = link_cases();
  for (auto& cases : {rare_link_cases(), ip_cases(), tunnel_cases()})
    all.insert(all.end(), cases.begin(), cases.end());
  return all;
}

PacketView view(const std::uint8_t* bytes, std::size_t captured, std::size_t wire, LinkType link) {
  return {0, static_cast<std::uint32_t>(wire), static_cast<std::uint32_t>(captured), bytes, link};
}

HeaderFacts decode_out_of_line(const PacketView& p) {
  return decode_any(p.bytes, p.captured_bytes, p.wire_bytes, p.link);
}

LocatedFacts locate_out_of_line(const PacketView& p, bool outer) {
  return decode_located_any(p.bytes, p.captured_bytes, p.wire_bytes, p.link, {outer});
}

/// Every way to decode a packet says the same: inlined, out of line, located, and the oracle.
testing::AssertionResult agree(const PacketView& packet) {
  const auto differ = [](const char* who, const auto& a, const auto& b) {
    return testing::AssertionFailure()
           << who << ": " << testing::PrintToString(a) << " and " << testing::PrintToString(b);
  };
  const HeaderFacts facts = decode(packet);
  if (const auto slow = decode_out_of_line(packet); facts != slow) return differ("out of line", facts, slow);
  if (const auto located = decode_located(packet); facts != located.facts)
    return differ("located", facts, located.facts);
  for (const bool outer : {false, true}) {
    const char* const names[] = {"located out of line", "outer out of line", "oracle", "outer oracle"};
    const LocatedFacts located = decode_located(packet, {outer});
    if (const auto slow = locate_out_of_line(packet, outer); located != slow)
      return differ(names[outer], located, slow);
    if (const auto naive = oracle::NaiveDecoder::locate(packet, {outer}); located != naive)
      return differ(names[2 + outer], located, naive);
  }
  return testing::AssertionSuccess();
}

TEST(Decode, Table) {
  for (const Case& c : all_cases()) {
    EXPECT_EQ(decode(view(c.bytes.data(), c.bytes.size(), c.bytes.size(), c.link)), c.facts) << c.name;
  }
}

struct PlacesCase {
  const char* name;
  LinkType link;
  Bytes bytes;
  HeaderPlaces places, outer_places;
  Transport outer_transport;
};

HeaderPlaces places(std::uint32_t ethernet, std::uint32_t ip, std::uint32_t transport, int vlan,
                    int protocol) {
  return {ethernet, ip, transport, static_cast<std::uint16_t>(vlan), static_cast<std::uint8_t>(protocol)};
}

TEST(Decode, Places) {
  constexpr auto none = HeaderPlaces::none;
  constexpr int untagged = 0xffff;
  const Bytes four = ipv4(6, tcp(syn)), six = ipv6(17, udp(1000, 53));
  const auto same = [](const char* name, LinkType link, Bytes bytes, HeaderPlaces p, Transport t) {
    return PlacesCase{name, link, bytes, p, p, t};
  };
  const PlacesCase cases[] = {
      same("IPv4", LinkType::ethernet, eth(0x0800, four), places(0, 14, 34, untagged, 6), T),
      same("IPv6", LinkType::ethernet, eth(0x86dd, six), places(0, 14, 54, untagged, 17), U),
      same("ARP", LinkType::ethernet, eth(0x0806, zeros(28)), places(0, none, none, untagged, 0), O),
      same("a tag", LinkType::ethernet, eth(0x8100, vlan(0x86dd, six)), places(0, 18, 58, 0x064, 17), U),
      same("two tags", LinkType::ethernet, eth(0x88a8, Bytes{0xef, 0xff, 0x81, 0} + vlan(0x0800, four)),
           places(0, 22, 42, 0xfff, 6), T),
      same("raw", LinkType::raw_ip, four, places(none, 0, 20, untagged, 6), T),
      same("cooked, tagged", LinkType::linux_sll, sll(1, 0x8100, vlan(0x86dd, six)),
           places(none, 20, 60, 0x064, 17), U),
      same("MPLS pseudo-wire", LinkType::ethernet, eth(0x8847, mpls(true, eth(0x8100, vlan(0x86dd, six)))),
           places(0, 36, 76, 0x064, 17), U),
      same("options", LinkType::raw_ip, ipv4(6, tcp(syn), 0, zeros(8)), places(none, 0, 28, untagged, 6), T),
      same("ICMP", LinkType::raw_ip, ipv4(1, icmp(3, four)), places(none, 0, none, untagged, 1), I),
      same("ESP", LinkType::raw_ip, ipv4(50, zeros(30)), places(none, 0, none, untagged, 50), O),
      same("other fragment", LinkType::raw_ip, ipv4(17, zeros(30), 0x2007),
           places(none, 0, none, untagged, 17), O),
      same("other IPv6 fragment", LinkType::raw_ip, ipv6(0, extension(44, fragment6(17, 9, true, zeros(30)))),
           places(none, 0, none, untagged, 17), O),
      same("extension headers", LinkType::raw_ip, ipv6(0, extension(60, extension(51, ah(6, tcp(syn))))),
           places(none, 0, 80, untagged, 6), T),
      same("TCP of 3 bytes", LinkType::raw_ip, ipv4(6, zeros(3)), places(none, 0, none, untagged, 6), T),
      same("UDP of 4 bytes", LinkType::raw_ip, ipv4(17, zeros(4)), places(none, 0, 20, untagged, 17), U),
      {"6 in 4", LinkType::raw_ip, ipv4(41, six), places(none, 0, 60, untagged, 17),
       places(none, 0, none, untagged, 41), O},
      {"GRE", LinkType::raw_ip, ipv4(47, gre(0, 0x0800, 0, four)), places(none, 0, 44, untagged, 6),
       places(none, 0, none, untagged, 47), O},
      {"MPLS in IP", LinkType::raw_ip, ipv4(137, mpls(true, four)), places(none, 0, 44, untagged, 6),
       places(none, 0, none, untagged, 137), O},
      {"EtherIP below extension headers", LinkType::raw_ip,
       ipv6(60, extension(97, Bytes{0x30, 0} + eth(0x0800, four))), places(none, 0, 84, untagged, 6),
       places(none, 0, none, untagged, 97), O},
      {"VXLAN: the tag and addresses inside are not the packet's", LinkType::ethernet,
       eth(0x0800, ipv4(17, udp(50000, 4789, vxlan(eth(0x8100, vlan(0x0800, four)))))),
       places(0, 14, 88, untagged, 6), places(0, 14, 34, untagged, 17), U},
      {"VXLAN, ICMP inside", LinkType::raw_ip,
       ipv4(17, udp(50000, 4789, vxlan(eth(0x0800, ipv4(1, icmp(8)))))), places(none, 0, none, untagged, 1),
       places(none, 0, 20, untagged, 17), U},
      {"VXLAN, ARP inside", LinkType::raw_ip, ipv4(17, udp(50000, 4789, vxlan(eth(0x0806, zeros(28))))),
       places(none, 0, 20, untagged, 17), places(none, 0, 20, untagged, 17), U},
  };
  for (const auto& c : cases) {
    const PacketView packet = view(c.bytes.data(), c.bytes.size(), c.bytes.size(), c.link);
    EXPECT_EQ(decode_located(packet).places, c.places) << c.name;
    EXPECT_EQ(decode_located(packet, {.outer = true}).places, c.outer_places) << c.name;
    EXPECT_EQ(decode_located(packet, {.outer = true}).facts.transport, c.outer_transport) << c.name;
  }
}

// Cut at every byte: nothing beyond is read (the bytes end at a page that faults), both paths and the oracle agree, and
// what is not cut any more is what the whole packet says.
TEST(Decode, CutAnywhere) {
  GuardedBytes guarded;
  for (const Case& c : all_cases()) {
    for (std::size_t n = 0; n <= c.bytes.size(); ++n) {
      const PacketView packet = view(guarded.hold(c.bytes.data(), n), n, c.bytes.size(), c.link);
      const HeaderFacts got = decode(packet);
      ASSERT_TRUE(agree(packet)) << c.name << " cut at " << n;
      if (!got.cut) {
        ASSERT_EQ(got, c.facts) << c.name << " cut at " << n;
      }
    }
  }
}

TEST(Decode, TcpCutByTheSnaplenIsTcp) {
  const Bytes bytes = eth(0x0800, ipv4(6, tcp(syn | ack, zeros(1000))));
  for (std::size_t n = 34; n < bytes.size(); ++n) {
    const HeaderFacts got = decode(view(bytes.data(), n, bytes.size(), LinkType::ethernet));
    EXPECT_EQ(got.transport, Transport::tcp) << n;
    EXPECT_EQ(got.tcp_flags, n >= 48 ? syn | ack : 0) << n;
    EXPECT_EQ(got.cut, n < 54) << n;
  }
}

// Headers stacked at random, then a few bytes changed, then cut: both paths and the oracle agree on everything.
Bytes random_stack(RandomStream& random, int depth);

Bytes random_transport(RandomStream& random, int depth) {
  const Bytes inner = depth > 0 ? random_stack(random, depth - 1) : zeros(random.below(40));
  const std::size_t ports[] = {4789, 6081, 2152, 3544, 1701, 53, 5060, 50000};
  switch (random.below(6)) {
    case 0: return udp(ports[random.below(8)], ports[random.below(8)], vxlan(eth(0x0800, inner)));
    case 1:
      return udp(ports[random.below(8)], ports[random.below(8)], random.below(2) ? gtp_u(inner) : inner);
    case 2: return gre(random.below(2) ? 0x2000 : 0, 0x0800, random.below(2) * 4, inner);
    case 3: return extension(static_cast<int>(random.below(64)), inner, 1 + random.below(2));
    default: return tcp(static_cast<int>(random.below(256)), inner);
  }
}

Bytes random_stack(RandomStream& random, int depth) {
  const int protocols[] = {6, 17, 1, 58, 4, 41, 47, 0, 43, 44, 51, 60, 97, 137, 50, 135};
  const int protocol = protocols[random.below(16)];
  const Bytes inner = protocol == 4 || protocol == 41
                          ? (depth > 0 ? random_stack(random, depth - 1) : Bytes{})
                          : random_transport(random, depth);
  const std::size_t fragments[] = {0, 0x4000, 0x2000, 0x2007};
  if (random.below(2)) return ipv6(protocol, inner);
  return ipv4(protocol, inner, fragments[random.below(20) < 17 ? 0 : random.below(4)],
              zeros(random.below(8) == 0 ? 8 : 0));
}

Bytes random_frame(RandomStream& random) {
  const Bytes ip = random_stack(random, 2);
  const std::size_t type = ip[0] >> 4 == 4 ? 0x0800 : 0x86dd;
  switch (random.below(6)) {
    case 0: return eth(0x8100, vlan(type, ip));
    case 1: return eth(0x8847, mpls(true, ip));
    case 2: return eth(0x8847, mpls(true, zeros(4) + eth(type, ip)));
    case 3: return eth(0x8864, pppoe(be16(type == 0x0800 ? 0x21 : 0x57) + ip));
    default: return eth(type, ip);
  }
}

TEST(Decode, RandomStacksAgreeWithTheOracle) {
  constexpr std::uint64_t seed = 20260719;
  RandomStream random(seed, 1);
  GuardedBytes guarded;
  for (int round = 0; round < 60'000; ++round) {
    Bytes frame = random_frame(random);
    for (std::uint64_t i = random.below(4); i > 0; --i)
      frame[random.below(frame.size())] = static_cast<std::uint8_t>(random());
    const std::size_t captured = random.below(3) ? frame.size() : random.below(frame.size() + 1);
    const std::size_t wire = random.below(10) ? frame.size() : random.below(2000);
    const LinkType links[] = {LinkType::ethernet, LinkType::raw_ip, LinkType::linux_sll,
                              LinkType::null_loopback};
    const LinkType link = random.below(10) ? LinkType::ethernet : links[random.below(4)];
    const PacketView packet = view(guarded.hold(frame.data(), captured), captured, wire, link);
    ASSERT_TRUE(agree(packet)) << "seed " << seed << " round " << round;
  }
}

TEST(Decode, NoiseIsHarmless) {
  constexpr std::uint64_t seed = 4;
  RandomStream random(seed, 2);
  GuardedBytes guarded;
  for (int round = 0; round < 60'000; ++round) {
    Bytes noise(random.below(120));
    for (auto& byte : noise) byte = static_cast<std::uint8_t>(random());
    if (noise.size() > 20 && random.below(2)) noise[12] = 0x08, noise[13] = 0, noise[14] = 0x45;
    const LinkType link = all_link_types[random.below(all_link_types.size())];
    const PacketView packet =
        view(guarded.hold(noise.data(), noise.size()), noise.size(), random.below(200), link);
    ASSERT_TRUE(agree(packet)) << "seed " << seed << " round " << round;
  }
}

}  // namespace
}  // namespace tidegauge
