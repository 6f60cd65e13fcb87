// `--filter` against libpcap's own loop over the same files.
#include "ingest/sinks/packet_filter.hpp"

#include <pcap/pcap.h>

#include <map>

#include "ingest/sinks/count_capture.hpp"
#include "tests/ingest/csv.hpp"
#include "tests/support.hpp"

namespace tidegauge {
namespace {

using namespace test;

struct Sums {
  std::uint64_t packets = 0, bytes = 0, all = 0;
  bool read = false;
};

/// libpcap reads, compiles and filters by itself.
Sums by_libpcap(const fs::path& path, const std::string& expression) {
  char words[PCAP_ERRBUF_SIZE];
  Sums sums;
  pcap_t* file = pcap_open_offline(path.c_str(), words);
  if (file == nullptr) return sums;
  bpf_program program;
  if (pcap_compile(file, &program, expression.c_str(), 1, PCAP_NETMASK_UNKNOWN) == 0) {
    pcap_pkthdr* header;
    const u_char* bytes;
    int status;
    while ((status = pcap_next_ex(file, &header, &bytes)) == 1) {
      sums.all += 1;
      if (pcap_offline_filter(&program, header, bytes) == 0) continue;
      sums.packets += 1;
      sums.bytes += header->len;
    }
    sums.read = status == PCAP_ERROR_BREAK;
    pcap_freecode(&program);
  }
  pcap_close(file);
  return sums;
}

TEST(PacketFilter, RealCapturesCountAsLibpcapsLoopDoes) {
  TG_NEEDS_SHARED_DATA();
  int compared = 0, partly = 0;
  for (auto want : read_csv(shared_data() / "pcaps" / "manifest.csv")) {
    const fs::path path = shared_data() / "pcaps" / want["file"];
    for (const char* expression : {"tcp", "udp port 53", "not tcp", "ip and greater 100", "port 502 or icmp", "vlan", "less 64"}) {
      const Sums sums = by_libpcap(path, expression);
      if (!sums.read) continue;  // compressed
      CountOptions options;
      options.keyed.filter = expression;
      IntervalRow total;
      const auto counted = count_capture(path.string(), options, [&](const RowPortion& rows) -> Status {
        for (const auto& [k, row] : rows) total += row;
        return {};
      });
      ASSERT_TRUE(counted) << path << ": " << counted.error().message();
      EXPECT_EQ(total[Column::packets], sums.packets) << path << ", " << expression;
      EXPECT_EQ(total[Column::bytes], sums.bytes) << path << ", " << expression;
      EXPECT_EQ(counted->account.counted, sums.packets) << path << ", " << expression;
      EXPECT_EQ(counted->account[Refusal::filtered], sums.all - sums.packets) << path << ", " << expression;
      EXPECT_TRUE(counted->account.adds_up());
      ++compared;
      partly += sums.packets > 0 && sums.packets < sums.all;
    }
  }
  EXPECT_GE(compared, 80);
  EXPECT_GE(partly, 20);
}

TEST(PacketFilter, CoverageSpeaksOfTheCapture) {
  TG_NEEDS_SHARED_DATA();
  const fs::path path = shared_data() / "pcaps" / "channel_5d_3s.pcap";
  const auto count = [&](const std::string& filter, IntervalRow& total) {
    CountOptions options;
    options.keyed.filter = filter;
    return count_capture(path.string(), options, [&](const RowPortion& rows) -> Status {
             for (const auto& [k, row] : rows) total += row;
             return {};
           }).value();
  };
  IntervalRow all, none;
  const CountedCapture whole = count("", all), nothing = count("ether host 12:34:56:78:9a:bc", none);
  EXPECT_EQ(nothing.account.counted, 0u);
  EXPECT_EQ(nothing.first_ns, whole.first_ns);
  EXPECT_EQ(nothing.last_ns, whole.last_ns);
  for (std::size_t i = 0; i < column_count; ++i) {
    const auto column = static_cast<Column>(i);
    const bool order = column == Column::late || column == Column::backward || column == Column::absurd;
    EXPECT_EQ(none[column], order ? all[column] : 0) << column_names[i];
  }
}

TEST(PacketFilter, WordsOfLibpcap) {
  EXPECT_TRUE(PacketFilter::check("tcp port 80"));
  EXPECT_TRUE(PacketFilter::check("ether host 12:34:56:78:9a:bc"));  // has a meaning for Ethernet, if not for raw IP
  const Status wrong = PacketFilter::check("tcp prot 80");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().kind, ErrorKind::usage);
  EXPECT_NE(wrong.error().what.find("syntax error"), std::string::npos) << wrong.error().what;
}

TEST(PacketFilter, AProgramPerLinkType) {
  const std::uint8_t ip[40] = {0x45, 0, 0, 40, 0, 1, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0, 80, 0, 80};
  std::uint8_t ethernet[54] = {2, 2, 2, 2, 2, 2, 4, 4, 4, 4, 4, 4, 8, 0};
  std::copy(std::begin(ip), std::end(ip), ethernet + 14);
  std::uint8_t loop[44] = {0, 0, 0, 2};
  std::copy(std::begin(ip), std::end(ip), loop + 4);
  PacketFilter filter("tcp port 80");
  for (int round = 0; round < 2; ++round) {
    EXPECT_TRUE(filter.matches({0, 40, 40, ip, LinkType::raw_ip}));
    EXPECT_TRUE(filter.matches({0, 54, 54, ethernet, LinkType::ethernet}));
    EXPECT_TRUE(filter.matches({0, 44, 44, loop, LinkType::loop}));
    EXPECT_TRUE(filter.matches({0, 40, 40, ip, LinkType::ipv4}));
    EXPECT_FALSE(filter.matches({0, 40, 20, ip, LinkType::raw_ip})) << "the ports were not captured";
    EXPECT_FALSE(filter.matches({0, 54, 54, ethernet, LinkType::raw_ip}));
  }
  EXPECT_TRUE(filter.status());
  PacketFilter stations("ether host 02:02:02:02:02:02");
  EXPECT_TRUE(stations.matches({0, 54, 54, ethernet, LinkType::ethernet}));
  EXPECT_TRUE(stations.status());
  EXPECT_FALSE(stations.matches({0, 40, 40, ip, LinkType::raw_ip}));
  ASSERT_FALSE(stations.status());
  EXPECT_NE(stations.status().error().what.find("101"), std::string::npos);
}

}  // namespace
}  // namespace tidegauge
