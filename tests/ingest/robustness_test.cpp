// Ten thousand single-byte flips in captures of a megabyte: no crash, and no more lost than the record that
// was hit, what a wrong length swallows, and what it takes to find the way back. Headers that files begin
// with: an error or a full read.
#include <algorithm>
#include <string>

#include "tests/ingest/capture_builder.hpp"
#include "tests/ingest/erf_builder.hpp"
#include "tests/ingest/walk_support.hpp"

namespace tidegauge {
namespace {

using namespace test;

#if defined(__SANITIZE_ADDRESS__)
constexpr int kFlips = 2000;  // a tenth of the speed
#else
constexpr int kFlips = 10'000;
#endif

/// Writes down enough of each packet to know it again.
struct BriefSink {
  struct Brief {
    std::int64_t ts_ns;
    std::uint64_t lengths, begin;
    friend bool operator==(const Brief&, const Brief&) = default;
  };
  std::vector<Brief> packets;
  std::uint64_t refused = 0, skipped_bytes = 0;

  TG_INLINE void packet(const PacketView& packet) {
    std::uint64_t begin = 0;
    std::memcpy(&begin, packet.bytes, std::min<std::size_t>(packet.captured_bytes, sizeof begin));
    packets.push_back({packet.ts_ns, std::uint64_t{packet.wire_bytes} << 32 | packet.captured_bytes, begin});
  }
  void refuse(Refusal, std::uint64_t records, std::uint64_t bytes) {
    refused += records, skipped_bytes += bytes;
  }
  void lost(std::uint64_t) {}
};

struct BriefWalk : BriefSink {
  std::string error;
};

BriefWalk brief_walk(const Bytes& bytes) {
  BriefWalk walk;
  MemorySource source(bytes.data(), bytes.size());
  const auto walked = walk_source("test", source, walk, {}, bytes.size() + 1);
  if (!walked) walk.error = walked.error().message();
  return walk;
}

struct Intact {
  Bytes bytes;
  std::vector<std::size_t> starts;  // of the packets' records
  std::size_t swallowed;  // bytes that a wrong length can pass over, and the record in which it ends
};

/// Flips a byte from `from` on, again and again.
void expect_flips_cost_little(Intact capture, std::size_t from, std::uint32_t seed) {
  Random random(seed);
  const auto all = brief_walk(capture.bytes).packets;
  ASSERT_EQ(all.size(), capture.starts.size());
  std::size_t worst = 0;
  int far = 0;
  for (int flip = 0; flip < kFlips; ++flip) {
    const std::size_t at = from + random() % (capture.bytes.size() - from);
    const std::uint8_t kept = capture.bytes[at];
    capture.bytes[at] ^= static_cast<std::uint8_t>(1 + random() % 255);
    const BriefWalk walk = brief_walk(capture.bytes);
    capture.bytes[at] = kept;
    ASSERT_EQ(walk.error, "");
    const auto& got = walk.packets;
    const auto differs = std::mismatch(all.begin(), all.end(), got.begin(), got.end()).first;
    const auto before = static_cast<std::size_t>(differs - all.begin());
    const auto after = static_cast<std::size_t>(
        std::mismatch(all.rbegin(), all.rend(), got.rbegin(), got.rend()).first - all.rbegin());
    const auto hit =
        static_cast<std::size_t>(std::upper_bound(capture.starts.begin(), capture.starts.end(), at) -
                                 capture.starts.begin()) -
        1;
    const auto beyond = static_cast<std::size_t>(
        capture.starts.end() -
        std::lower_bound(capture.starts.begin(), capture.starts.end(), at + capture.swallowed));
    // Two records, that is the one that was hit and the one before it, and those up to where the walk is
    // back.
    EXPECT_GE(before + 1, hit) << "seed " << seed << " byte " << at;
    // Bytes of a payload may by chance look like what writers write, and pass over more than that: very rarely.
    far += after < beyond;
    EXPECT_LE(got.size(), all.size() + 2) << "seed " << seed << " byte " << at;
    worst = std::max(worst, all.size() - std::min(all.size(), before + after));
  }
  EXPECT_LE(far, kFlips / 1000) << "seed " << seed;
  testing::Test::RecordProperty("most_records_lost_by_one_flip", static_cast<int>(worst));
}

TEST(Robustness, TenThousandFlipsInAPcap) {
  Random random(81);
  PcapBuilder pcap = ordinary_pcap(random, 15'500);
  ASSERT_GE(pcap.bytes.size(), 1'000'000u);
  expect_flips_cost_little({std::move(pcap.bytes), pcap.starts, 1700}, 24, 82);
}

TEST(Robustness, TenThousandFlipsInAPcapng) {
  Random random(83);
  PcapngBuilder pcapng = ordinary_pcapng(random, 12'000);
  ASSERT_GE(pcapng.bytes.size(), 1'000'000u);
  const std::vector<std::size_t> packets(pcapng.starts.begin() + 3,
                                         pcapng.starts.end());  // behind section, interfaces
  const std::size_t from = packets.front();
  expect_flips_cost_little({std::move(pcapng.bytes), packets, 300}, from,
                           84);  // its two lengths have to agree
}

TEST(Robustness, TenThousandFlipsInAnErf) {
  Random random(85);
  ErfBuilder erf = ordinary_erf(random, 14'500);
  ASSERT_GE(erf.bytes.size(), 1'000'000u);
  const std::size_t from = erf.starts[4];  // behind what the format is recognised by
  expect_flips_cost_little({std::move(erf.bytes), erf.starts, 1700}, from, 86);
}

TEST(Robustness, TenThousandFlipsInARealCapture) {
  TG_NEEDS_SHARED_DATA();
  // A megabyte of it, whole records, with its header.
  const Bytes whole = read_bytes(shared_data() / "pcaps" / "denial6-6.pcap");
  Intact capture{prefix(whole, 24), {}, 1700};
  for (std::size_t at = 24; at + 16 < whole.size() && capture.bytes.size() < 1'000'000;) {
    std::uint32_t captured;
    std::memcpy(&captured, &whole[at + 8], 4);
    ASSERT_LE(at + 16 + captured, whole.size());
    capture.starts.push_back(capture.bytes.size());
    capture.bytes.insert(capture.bytes.end(), whole.begin() + static_cast<std::ptrdiff_t>(at),
                         whole.begin() + static_cast<std::ptrdiff_t>(at + 16 + captured));
    at += 16 + captured;
  }
  ASSERT_GE(capture.bytes.size(), 1'000'000u);
  expect_flips_cost_little(std::move(capture), 24, 87);
}

TEST(Robustness, AFlipInAFilesHeaderIsAnErrorOrAFullRead) {
  Random random(88);
  const PcapBuilder pcap = ordinary_pcap(random, 200);
  const PcapngBuilder pcapng = ordinary_pcapng(random, 200);
  const std::pair<Bytes, std::size_t> rows[] = {{pcap.bytes, 24}, {pcapng.bytes, pcapng.starts[3]}};
  for (const auto& [intact, header_bytes] : rows) {
    int errors = 0;
    for (std::size_t at = 0; at < header_bytes; ++at) {
      for (int mask = 1; mask < 256; ++mask) {
        Bytes bytes = intact;
        bytes[at] ^= static_cast<std::uint8_t>(mask);
        const BriefWalk walk = brief_walk(bytes);
        errors += !walk.error.empty();
        if (walk.error.empty()) {
          EXPECT_GE(walk.packets.size() + walk.refused, 200u) << "byte " << at << " mask " << mask;
          EXPECT_LE(walk.packets.size() + walk.refused, 202u) << "byte " << at << " mask " << mask;
        } else {
          EXPECT_TRUE(walk.packets.empty()) << "byte " << at << ": " << walk.error;
        }
      }
    }
    EXPECT_GE(errors, 4 * 255 - 2) << "of the magic alone";
  }
}

}  // namespace
}  // namespace tidegauge
