// Odd and hostile captures collected from other projects' tests: never a crash or a wait, and the records
// that capinfos counts, or a reason why not.
#include <chrono>
#include <map>
#include <string>

#include "tests/ingest/csv.hpp"
#include "tests/ingest/walk_support.hpp"

namespace tidegauge {
namespace {

using namespace test;

struct Difference {
  std::uint64_t records;
  std::string error;
  const char* reason;
};

// Captures that capinfos reads to their end and whose link type is decoded, but with other records here.
const std::map<std::string, Difference>& differences() {
  static const std::map<std::string, Difference> table{
      {"tcpdump_babel_update_oobr.pcap",
       {104, "",
        "fuzzed: times and lengths of some records do not hold together with those around them; "
        "capinfos takes any"}},
      {"pcap-empty-file.pcap", {0, "test: the file is empty", "capinfos takes no bytes for no packets"}},
  };
  return table;
}

TEST(Edge, EveryCaptureEndsSoonAndCountsAsCapinfosDoes) {
  TG_NEEDS_SHARED_DATA();
  int compared = 0;
  for (auto row : read_csv(shared_data() / "edge" / "manifest.csv")) {
    const std::string file = row["file"];
    const auto start = std::chrono::steady_clock::now();
    const Walk walk = walk_file(shared_data() / "edge" / file);
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2)) << file;
    walk_file(shared_data() / "edge" / file, true);

    const bool read_by_capinfos = row["capinfos_rc"] == "0";
    const bool not_read_here = walk.error.find("is not decoded") != std::string::npos;
    if (!read_by_capinfos || not_read_here) continue;
    const std::uint64_t records = walk.records.size() + walk.damaged + walk.truncated;
    const auto known = differences().find(file);
    if (known != differences().end()) {
      EXPECT_EQ(records, known->second.records) << file << ": " << known->second.reason;
      EXPECT_TRUE(walk.error.starts_with(known->second.error)) << walk.error;
    } else {
      EXPECT_EQ(walk.error, "") << file;
      EXPECT_EQ(std::to_string(records), row["capinfos_packets"]) << file << ": " << walk.damage;
    }
    ++compared;
  }
  EXPECT_GE(compared, 45);
}

TEST(Edge, UnreadableStartsAreErrorsInWords) {
  TG_NEEDS_SHARED_DATA();
  const std::map<std::string, std::string> rows{
      {"pcap-empty-file.pcap", "the file is empty"},
      {"partial_global_header.pcap", "ends within the pcap file header (7 of 24 bytes)"},
      {"pcap-truncated-hdr-23.pcap", "ends within the pcap file header (23 of 24 bytes)"},
      {"output-lua-smtp.pcap", "is neither pcap nor pcapng"},
      {"gsw1xx.pcap", "link type 304 is not decoded"},
  };
  for (const auto& [file, words] : rows) {
    const Walk walk = walk_file(shared_data() / "edge" / file);
    EXPECT_NE(walk.error.find(words), std::string::npos) << file << ": " << walk.error;
  }
}

}  // namespace
}  // namespace tidegauge
