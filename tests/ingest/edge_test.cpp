// Odd and hostile captures collected from other projects' tests: the packets that capinfos counts, the TCP packets that
// tshark counts (`tcp && !icmp && !icmpv6`, IP reassembly off), or a reason why not. Time and memory:
// tests/tools/edge_bin_test.cpp.
#include <algorithm>
#include <map>
#include <optional>
#include <string>

#include "ingest/sinks/count_capture.hpp"
#include "tests/ingest/csv.hpp"
#include "tests/support.hpp"

namespace tidegauge {
namespace {

using namespace test;

// Captures that are not read: the words behind their name that say why. None of them holds TCP.
const std::map<std::string, const char*>& unread() {
  static const std::map<std::string, const char*> table{
      {"CANopen.pcap", "link type 227 CAN_SOCKETCAN is not decoded"},
      {"LINKTYPE_USER2_PKTAP.pcap", "link type 149 USER2 is not decoded"},
      {"big-endian-netlink.pcap", "link type 253 NETLINK is not decoded"},
      {"brcm-tag-stp.pcap", "link type 281 is not decoded"},
      {"clusterfuzz-testcase-minimized-FuzzTarge.bin", "link type 8224 is not decoded"},
      {"gsw1xx.pcap", "link type 304 is not decoded"},
      {"heapoverflow-atalk_2.pcap", "link type 129 ARCNET_LINUX is not decoded"},
      {"heapoverflow-sl_if_print.pcap", "link type 8 SLIP is not decoded"},
      {"hoobr_juniper.pcap", "link type 137 is not decoded"},
      {"ieee80211.15.4.pcap", "link type 230 IEEE802_15_4_NOFCS is not decoded"},
      {"isis_poi.pcap", "link type 178 JUNIPER_ETHER is not decoded"},
      {"isup_load_generator.pcap", "link type 140 MTP2 is not decoded"},
      {"juniper_es_oobr.pcap", "link type 132 is not decoded"},
      {"little-endian-netlink.pcap", "link type 253 NETLINK is not decoded"},
      {"mstp_20140225214217.pcap", "link type 165 is not decoded"},
      {"output-lua-smtp.pcap", "is neither pcap nor pcapng nor ERF"},
      {"partial_global_header.pcap", "ends within the pcap file header (7 of 24 bytes)"},
      {"pcap-empty-file.pcap", "the file is empty"},
      {"pcap-truncated-hdr-23.pcap", "ends within the pcap file header (23 of 24 bytes)"},
      {"unsupported-link-type-160.pcap", "link type 160 is not decoded"},
      {"unsupported-link-type-dbus.pcap", "link type 231 DBUS is not decoded"},
      {"zigbee5.pcap", "link type 195 IEEE802_15_4 is not decoded"},
  };
  return table;
}

struct Difference {
  std::uint64_t here;
  const char* reason;
};
using Differences = std::map<std::string, Difference>;

// Captures of which capinfos counts other packets.
const Differences& packet_differences() {
  static const Differences table{
      {"fuzz-2021-10-13.pcap", {0, "its one record claims a fraction of 1.9 s, and 524,501 bytes of a file of 239"}},
      {"ipv6_options.pcap", {5, "the first packet has the time 0, those behind it lie in 2007: absurd"}},
      {"pcapng-example.pcapng.zst",
       {58, "made up times: 100 packets lie behind the year 2262, one alone in 2061 among those of 2015"}},
      {"pcapng-test-generator_test202.pcapng", {6, "two simple packet blocks have no time"}},
      {"tcpdump_babel_update_oobr.pcap",
       {78, "fuzzed: the fifth record has a fraction of 2.1 s, and with it four are passed over as one damaged stretch; "
            "25 lie more than a day from both neighbours"}},
      {"test201.pcapng", {3, "a simple packet block has no time"}},
      {"test202.pcapng", {6, "two simple packet blocks have no time"}},
  };
  return table;
}

// Captures of which tshark counts other TCP packets.
const Differences& tcp_differences() {
  static const Differences table{
      {"tcpdump_babel_update_oobr.pcap", {0, "fuzzed: both lie in records with impossible headers"}},
      {"pcapng-example.pcapng.zst",
       {58, "made up times: 100 packets lie behind the year 2262, one alone in 2061 among those of 2015"}},
  };
  return table;
}

void expect_equal_but_for(const Differences& known, const std::string& file, std::uint64_t here,
                          const std::string& theirs) {
  const auto difference = known.find(file);
  if (difference == known.end()) {
    EXPECT_EQ(std::to_string(here), theirs) << file;
  } else {
    EXPECT_EQ(here, difference->second.here) << file << ": " << difference->second.reason;
    EXPECT_NE(std::to_string(here), theirs) << file << " differs no more: it leaves the table";
  }
}

using Manifest = std::vector<std::map<std::string, std::string>>;

Manifest edge_manifest() { return read_csv(shared_data() / "edge" / "manifest.csv"); }

/// Every name of `table` is a file of the manifest, so that each row of a table has been looked at.
template <class Table>
void expect_all_named(const Table& table, const Manifest& manifest) {
  for (const auto& [file, row] : table)
    EXPECT_TRUE(std::ranges::any_of(manifest, [&](const auto& line) { return line.at("file") == file; })) << file;
}

struct Counts {
  std::uint64_t packets = 0, tcp_packets = 0;
};

/// Empty where the capture is not read, which the table has to know.
std::optional<Counts> count_edge(const std::string& file) {
  Counts counts;
  const std::string path = (shared_data() / "edge" / file).string();
  const auto counted = count_capture(path, {}, [&](const RowPortion& portion) -> Status {
    for (const auto& [k, row] : portion)
      counts.packets += row[Column::packets], counts.tcp_packets += row[Column::tcp_packets];
    return {};
  });
  const auto known = unread().find(file);
  if (!counted) {
    const std::string words = counted.error().message();
    EXPECT_TRUE(known != unread().end() && words.starts_with(path + ": " + known->second)) << words;
    return {};
  }
  EXPECT_EQ(known, unread().end()) << file << " is read: it leaves the table";
  EXPECT_TRUE(counted->account.adds_up()) << file;
  EXPECT_EQ(counts.packets, counted->account.counted) << file;
  return counts;
}

TEST(Edge, PacketsAreThoseOfCapinfos) {
  TG_NEEDS_SHARED_DATA();
  const Manifest manifest = edge_manifest();
  int compared = 0;
  for (const auto& want : manifest) {
    const std::string file = want.at("file"), theirs = want.at("capinfos_packets");
    const auto counts = count_edge(file);
    if (!counts || theirs.empty()) continue;  // capinfos stops at an error and gives no number
    expect_equal_but_for(packet_differences(), file, counts->packets, theirs);
    ++compared;
  }
  EXPECT_GE(compared, 65);
  expect_all_named(unread(), manifest);
  expect_all_named(packet_differences(), manifest);
}

TEST(Edge, TcpPacketsAreThoseOfTshark) {
  TG_NEEDS_SHARED_DATA();
  const Manifest manifest = edge_manifest();
  int compared = 0;
  for (const auto& want : manifest) {
    const std::string file = want.at("file"), theirs = want.at("tshark_tcp_frames");
    if (want.at("capinfos_packets").empty()) continue;  // tshark stops there too, and says 0
    if (const auto counts = count_edge(file))
      expect_equal_but_for(tcp_differences(), file, counts->tcp_packets, theirs);
    else
      EXPECT_EQ(theirs, "0") << file << " holds TCP and is not read";
    ++compared;
  }
  EXPECT_GE(compared, 85);
  expect_all_named(tcp_differences(), manifest);
}

}  // namespace
}  // namespace tidegauge
