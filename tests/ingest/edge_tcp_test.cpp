// Odd and hostile captures collected from other projects' tests: the TCP packets that tshark counts
// (`tcp && !icmp && !icmpv6`, IP reassembly off), or a reason why not.
#include <map>
#include <string>

#include "ingest/sinks/count_capture.hpp"
#include "tests/ingest/csv.hpp"
#include "tests/support.hpp"

namespace tidegauge {
namespace {

using namespace test;

struct Difference {
  std::uint64_t tcp_packets;
  const char* reason;
};

// Captures that capinfos and tshark read to their end, where TCP differs from tshark's.
const std::map<std::string, Difference>& differences() {
  static const std::map<std::string, Difference> table{
      {"tcpdump_babel_update_oobr.pcap", {0, "fuzzed: both lie in records with impossible headers"}},
  };
  return table;
}

TEST(EdgeTcp, CountsAsTsharkDoes) {
  TG_NEEDS_SHARED_DATA();
  int compared = 0;
  for (auto want : read_csv(shared_data() / "edge" / "manifest.csv")) {
    const std::string file = want["file"];
    std::uint64_t packets = 0, tcp_packets = 0;
    const auto counted =
        count_capture((shared_data() / "edge" / file).string(), {}, [&](const RowPortion& portion) -> Status {
          for (const auto& [k, row] : IntervalRows(portion))
            packets += row[Column::packets], tcp_packets += row[Column::tcp_packets];
          return {};
        });
    if (counted) {
      EXPECT_TRUE(counted->account.adds_up()) << file;
      EXPECT_EQ(packets, counted->account.counted) << file;
    }
    if (want["capinfos_rc"] != "0" || want["tshark_rc"] != "0") continue;
    if (!counted) {  // no TCP may be lost by it
      const std::string error = counted.error().message();
      const bool compressed = error.find("-compressed input is not read") != std::string::npos;
      EXPECT_TRUE(compressed || want["tshark_tcp_frames"] == "0") << error;
      continue;
    }
    if (const auto known = differences().find(file); known != differences().end()) {
      EXPECT_EQ(tcp_packets, known->second.tcp_packets) << file << ": " << known->second.reason;
      EXPECT_NE(std::to_string(tcp_packets), want["tshark_tcp_frames"]) << file << " differs no more";
    } else {
      EXPECT_EQ(std::to_string(tcp_packets), want["tshark_tcp_frames"]) << file;
    }
    ++compared;
  }
  EXPECT_GE(compared, 60);
}

}  // namespace
}  // namespace tidegauge
