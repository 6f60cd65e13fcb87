// What a hostile capture costs, all of whose bytes are nearly records: a walk looks at each place a few times, however long
// the records claim to be.
#include <ctime>

#include "ingest/formats/erf_walk.hpp"
#include "ingest/formats/pcap_walk.hpp"
#include "tests/ingest/capture_builder.hpp"
#include "tests/ingest/erf_builder.hpp"
#include "tests/ingest/walk_support.hpp"

namespace tidegauge {
namespace {

using namespace test;

constexpr std::uint32_t kNow = 1'600'000'000;

/// Counts the record headers that a walker looks at.
struct CountingLayout : PlainPcapLayout<false, false> {
  using PlainPcapLayout::PlainPcapLayout;
  static inline std::uint64_t looks = 0;
  static PcapRecord load(const std::uint8_t* p) { return ++looks, PlainPcapLayout::load(p); }
};

/// Feeds a walker what a reader with such blocks would: what it leaves, and at least as much again.
template <class Walker>
void drive(Walker& walker, const Bytes& bytes, std::size_t from, std::size_t block_bytes) {
  MemorySource source(bytes.data() + from, bytes.size() - from);
  BlockReader reader(source, block_bytes);
  do {
    ASSERT_TRUE(reader.more());
    reader.consume(walker.walk(reader.begin(), reader.end(), reader.final(), reader.offset()));
  } while (!reader.final());
}

/// Records that captured more than there was on the wire, which is odd, and of whose payload every fourth byte begins a
/// record, but none is followed by another: 1,026 bytes later a number straddles the words.
Bytes nearly_records(std::uint32_t captured, std::size_t size) {
  PcapBuilder pcap;
  while (pcap.bytes.size() < size) {
    pcap.header(kNow, 0, captured, captured - 1);
    const std::size_t end = pcap.bytes.size() + captured;
    while (pcap.bytes.size() < end) put(pcap.bytes, 1026, 4, false);  // a time, a fraction, both lengths
    pcap.bytes.resize(end);
  }
  return pcap.bytes;
}

TEST(ResynchroniseCost, PcapLooksAtEachPlaceAFewTimes) {
  for (const std::uint32_t captured : {1'000u, 262'144u}) {
    const Bytes bytes = nearly_records(captured, 4 << 20);
    for (const std::size_t block_bytes : {std::size_t{64} << 10, bytes.size() + 1}) {
      RecordingSink sink;
      DamageLog log(false);
      PcapWalker<CountingLayout, RecordingSink> walker(parse_pcap_header(bytes.data()), LinkType::ethernet, sink, log);
      CountingLayout::looks = 0;
      drive(walker, bytes, kPcapFileHeaderBytes, block_bytes);
      EXPECT_EQ(sink.records.size(), (bytes.size() - kPcapFileHeaderBytes) / (16 + captured)) << "odd, and records all the same";
      EXPECT_GE(CountingLayout::looks, bytes.size()) << "nothing within these records was looked at";
      ASSERT_LE(CountingLayout::looks, 8 * bytes.size()) << "records of " << captured << " bytes, blocks of " << block_bytes;
    }
  }
}

double thread_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// The same of ERF, whose walker has nothing to count by: twenty seconds for what takes a tenth of one, a few with sanitizers
/// on a busy machine, and half an hour if every record were looked through again from each of its bytes.
TEST(ResynchroniseCost, ErfLooksAtEachPlaceAFewTimes) {
  ErfBuilder erf;
  const Bytes inner = [] {  // records, each near the next in time, and then one of no known type
    ErfBuilder three;
    for (int i = 0; i < 3; ++i) three.record(erf_time(kNow, 0), Bytes(2, 0), 6);
    three.bytes.resize(three.bytes.size() + 16, 0x7f);
    return three.bytes;
  }();
  Bytes payload;
  while (payload.size() + inner.size() < 65'000) append(payload, inner);
  while (erf.bytes.size() < (4 << 20)) erf.record(erf_time(kNow, 0), payload, 0);  // longer than its packet: odd
  for (const std::size_t block_bytes : {std::size_t{64} << 10, erf.bytes.size() + 1}) {
    RecordingSink sink;
    DamageLog log(false);
    ErfWalker<RecordingSink> walker(sink, log);
    const double begin = thread_seconds();
    drive(walker, erf.bytes, 0, block_bytes);
    EXPECT_LT(thread_seconds() - begin, 20) << "blocks of " << block_bytes;
    EXPECT_EQ(sink.records.size(), erf.starts.size()) << "odd, and records all the same";
  }
}

}  // namespace
}  // namespace tidegauge
