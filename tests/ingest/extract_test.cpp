// From intervals back to packets: whatever the clocks and the damage, each counted record comes out exactly once, and
// only the stretches that hold it are read.
#include <fmt/format.h>

#include "ingest/formats/packet_file.hpp"
#include "ingest/sinks/count_capture.hpp"
#include "ingest/sinks/kept_packets.hpp"
#include "ingest/sinks/merge_packets.hpp"
#include "ingest/sinks/stretch_reader.hpp"
#include "tests/ingest/capture_builder.hpp"
#include "tests/ingest/source_support.hpp"
#include "tests/ingest/walk_support.hpp"
#include "tests/oracle/naive_order.hpp"
#include "tests/random_clocks.hpp"

namespace tidegauge {
namespace {

using namespace test;

constexpr std::int64_t second = 1'000'000'000;

oracle::Record record_of(const PacketView& packet) {
  RecordingSink sink;
  sink.packet(packet);
  return sink.records.front();
}

// Which packets are kept -----

std::vector<std::int64_t> kept_times(const std::vector<std::int64_t>& times, std::size_t from) {
  std::vector<std::int64_t> kept;
  std::optional<RecordsBefore> before;
  if (from >= 2) before = RecordsBefore{times[from - 1], times[from - 2]};
  KeptPackets packets(before, [&](const PacketView& packet) { kept.push_back(packet.ts_ns); });
  const std::uint8_t byte = 7;
  for (std::size_t i = from; i < times.size(); ++i) packets.packet({times[i], 60, 1, &byte, LinkType::ethernet});
  packets.end();
  return kept;
}

TEST(KeptPackets, AgreeWithTheDefinitionFromTheStartAndFromEverySettledPlace) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  for (std::uint64_t round = 0; round < 4000; ++round) {
    RandomStream random(seed, round);
    std::vector<std::int64_t> times;
    std::int64_t ts = 1'700'000'000 * second;
    for (std::size_t n = random.below(9); times.size() < n;) times.push_back(ts = random_time(random, round % clock_models, ts));
    const auto absurd = oracle::absurd_ones(times);
    for (std::size_t from = 0; from <= times.size(); ++from) {
      if (from == 1 || (from >= 2 && oracle::far(times[from - 2], times[from - 1]))) continue;  // not settled there
      std::vector<std::int64_t> wanted;
      for (std::size_t i = from; i < times.size(); ++i)
        if (!absurd[i]) wanted.push_back(times[i]);
      ASSERT_EQ(kept_times(times, from), wanted) << "round " << round << " from " << from;
    }
  }
}

// The index and the reader -----

struct Counted {
  IntervalRows rows;
  RecordAccount account;
  std::vector<IndexEntry> index;
};

/// @param piece_bytes 0 for one thread
Counted count(const std::string& path, std::int64_t interval_ns, std::uint64_t step, std::size_t block_bytes,
              std::uint64_t piece_bytes = 0) {
  Counted result;
  ThreadBudget budget(piece_bytes == 0 ? 0 : 2);
  CountOptions options{.interval_ns = interval_ns, .index_step_bytes = step, .block_bytes = block_bytes};
  if (piece_bytes != 0) options.spare_threads = &budget, options.piece_bytes = piece_bytes;
  const auto counted = count_capture(path, options, [&](const RowPortion& portion) -> Status {
    add_rows(result.rows, IntervalRows(portion));
    return {};
  });
  if (!counted) return ADD_FAILURE() << counted.error().message(), result;
  result.account = counted->account;
  result.index = counted->index;
  return result;
}

std::vector<oracle::Record> read_all(StretchReader& reader) {
  std::vector<oracle::Record> records;
  while (const auto bound = reader.next_bound_ns()) {
    auto packets = reader.next();
    EXPECT_TRUE(packets) << packets.error().message();
    if (!packets) break;
    for (std::size_t i = 0; i < packets->size(); ++i) {
      EXPECT_GE(packets->ts_ns(i), *bound);
      records.push_back(record_of((*packets)[i]));
    }
  }
  return records;
}

/// What the walker delivers of the whole capture and the definition keeps.
std::vector<oracle::Record> kept_records(const fs::path& path) {
  std::vector<oracle::Record> packets, kept;
  for (auto& record : walk_file(path).records)
    if (record.fate == "packet") packets.push_back(std::move(record));
  std::vector<std::int64_t> times;
  for (const auto& record : packets) times.push_back(record.ts_ns);
  const auto absurd = oracle::absurd_ones(times);
  for (std::size_t i = 0; i < packets.size(); ++i)
    if (!absurd[i]) kept.push_back(packets[i]);
  return kept;
}

/// Neighbouring intervals together, up to four a range, so that every interval with a row is in exactly one range.
std::vector<IntervalRange> partition(const IntervalRows& rows, Random& random) {
  std::vector<IntervalRange> ranges;
  for (auto row = rows.begin(); row != rows.end();) {
    IntervalRange range{row->first, row->first};
    for (std::uint32_t more = 1 + random() % 4; more != 0 && row != rows.end(); --more, ++row) range.last_k = row->first;
    ranges.push_back(range);
  }
  return ranges;
}

/// Extracts by every part of a partition, and checks that all of it is each kept record once, in its interval.
void expect_each_record_once(const fs::path& path, std::int64_t interval_ns, Random& random, std::size_t* stretches = nullptr) {
  const std::uint64_t step = 200 + random() % 3000;
  const std::size_t block = 64 + random() % 1500;
  const std::uint64_t piece = random() % 2 ? 300 + random() % 5000 : 0;
  const Counted counted = count(path.string(), interval_ns, step, block, piece);
  ASSERT_TRUE(counted.account.adds_up());
  if (stretches) *stretches += counted.index.size();
  const auto kept = kept_records(path);
  ASSERT_EQ(kept.size(), counted.account.counted);

  StretchReader whole(path.string(), interval_ns, counted.index, {{INT64_MIN, INT64_MAX}}, block);
  ASSERT_EQ(difference(read_all(whole), kept), "") << "step " << step << " block " << block;

  std::size_t total = 0;
  for (const IntervalRange& range : partition(counted.rows, random)) {
    StretchReader reader(path.string(), interval_ns, counted.index, {range}, block);
    std::vector<oracle::Record> wanted;
    for (const auto& record : kept) {
      const std::int64_t k = oracle::floor_interval(record.ts_ns, interval_ns);
      if (k >= range.first_k && k <= range.last_k) wanted.push_back(record);
    }
    ASSERT_EQ(difference(read_all(reader), wanted), "")
        << "intervals " << range.first_k << " to " << range.last_k << " step " << step << " block " << block;
    total += wanted.size();
  }
  ASSERT_EQ(total, counted.account.counted);
}

/// Records of such a clock, of two interfaces; sometimes a new section, an interface that cannot be read, a damaged block.
PcapngBuilder pcapng_of_clock(std::uint64_t seed, std::uint64_t round, std::size_t records) {
  RandomStream clock(seed, round);
  Random random(static_cast<std::uint32_t>(seed + round));
  PcapngBuilder file(random() % 2 == 0);
  const auto interfaces = [&] {
    file.interface(1, {file.number(9, 9, 1)});
    if (random() % 3 == 0) file.interface(1, {file.number(9, 9, 2)});  // unreadable
    else file.interface(101, {file.number(9, 9, 1), file.number(13, random() % 2 * 32, 1)});
  };
  interfaces();
  std::int64_t ts = 1'700'000'000 * second;
  for (std::size_t i = 0; i < records; ++i) {
    ts = random_time(clock, round % clock_models, ts) & INT64_MAX;
    if (random() % 60 == 0) file.section(random() % 2 == 0), interfaces();
    const Bytes payload = random_payload(random, random() % 90);
    file.enhanced(random() % 2, static_cast<std::uint64_t>(ts), payload, static_cast<std::uint32_t>(payload.size()) + random() % 900);
  }
  return file;
}

PcapBuilder pcap_of_clock(std::uint64_t seed, std::uint64_t round, std::size_t records) {
  RandomStream clock(seed, round);
  Random random(static_cast<std::uint32_t>(seed + round));
  PcapShape shape;
  shape.big_endian = random() % 2 == 0;
  if (random() % 2 == 0) shape.magic = 0xa1b23c4d;
  if (random() % 4 == 0) shape.magic = 0xa1b2cd34;
  PcapBuilder file(shape);
  std::int64_t ts = 1'700'000'000 * second;
  for (std::size_t i = 0; i < records; ++i) {
    ts = random_time(clock, round % clock_models, ts);
    const auto seconds = static_cast<std::uint32_t>(static_cast<std::uint64_t>(ts) / second % 4'000'000'000u);
    const Bytes payload = random_payload(random, random() % 20 ? 1 + random() % 90 : 0);
    file.record(seconds, random() % 1'000'000, payload, static_cast<std::uint32_t>(payload.size()) + random() % 900);
  }
  return file;
}

void damage(Bytes& bytes, Random& random) {
  for (std::uint32_t hits = random() % 4; hits != 0; --hits)
    bytes[30 + random() % (bytes.size() - 30)] = static_cast<std::uint8_t>(random());
  if (random() % 4 == 0) bytes.resize(bytes.size() - random() % 40);
}

/// A member or a few, cut anywhere.
Bytes gzip_members(const Bytes& bytes, Random& random) {
  Bytes members;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t size = std::min<std::size_t>(bytes.size() - at, random() % 3 == 0 ? bytes.size() : 1 + random() % 4000);
    append(members, gzip_member(Bytes(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                                      bytes.begin() + static_cast<std::ptrdiff_t>(at + size))));
    at += size;
  }
  return members;
}

TEST(ThreadsExtract, EveryPartitionGivesEachCountedRecordOnce) {
  const std::uint32_t seed = std::random_device{}();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  ScratchFolder scratch;
  Random random(seed);
  std::size_t stretches = 0;
  for (std::uint64_t round = 0; round < 120; ++round) {
    SCOPED_TRACE(fmt::format("round {}", round));
    const std::size_t records = 40 + random() % 200;
    Bytes bytes = round % 2 ? pcap_of_clock(seed, round / 2, records).bytes : pcapng_of_clock(seed, round / 2, records).bytes;
    if (round % 3 == 0) damage(bytes, random);
    if (round % 5 == 0) bytes = gzip_members(bytes, random);
    const fs::path path = scratch / "x";
    write_bytes(path, bytes);
    if (!walk_file(path).ok()) continue;  // the damage hit the file header
    expect_each_record_once(path, round % 7 ? second : 60 * second, random, &stretches);
    if (testing::Test::HasFatalFailure()) return;
  }
  EXPECT_GT(stretches, 250u) << "the captures were to have many stretches";
}

TEST(Extract, OddCapturesGiveEachCountedRecordOnce) {
  TG_NEEDS_SHARED_DATA();
  Random random(7);
  int captures = 0;
  for (const auto& file : fs::recursive_directory_iterator(shared_data() / "edge")) {
    if (!file.is_regular_file() || file.path().extension() == ".csv" || file.file_size() > (1 << 20)) continue;
    if (!walk_file(file.path()).ok()) continue;
    SCOPED_TRACE(file.path().filename().string());
    const auto kept = kept_records(file.path());
    if (kept.size() > 3000) continue;
    expect_each_record_once(file.path(), second, random);
    if (testing::Test::HasFatalFailure()) return;
    ++captures;
  }
  EXPECT_GT(captures, 20);
}

TEST(Extract, OnlyStretchesThatOverlapAreRead) {
  ScratchFolder scratch;
  PcapBuilder file;
  for (std::uint32_t i = 0; i < 10'000; ++i) file.record(1'600'000'000 + i, 0, Bytes(84, 1), 84);
  write_bytes(scratch / "x", file.bytes);
  const Counted counted = count((scratch / "x").string(), second, 50'000, 4'096);
  EXPECT_GE(counted.index.size(), 18u);
  std::uint64_t packets = 0;
  for (const IndexEntry& entry : counted.index) packets += entry.packets;
  EXPECT_EQ(packets, 10'000u);
  StretchReader reader((scratch / "x").string(), second, counted.index, {{1'600'005'000, 1'600'005'009}}, 4'096);
  EXPECT_EQ(read_all(reader).size(), 10u);
  EXPECT_FALSE(reader.from_beginning());
  EXPECT_LT(reader.input_bytes(), 130'000u) << "at most two stretches and what was read ahead, of a million bytes";
  StretchReader none((scratch / "x").string(), second, counted.index, {{1'700'000'000, 1'700'000'000}});
  EXPECT_FALSE(none.next_bound_ns());
  EXPECT_EQ(none.input_bytes(), 0u);
}

TEST(Extract, ACompressedCaptureIsInflatedOnceHoweverManyStretchesAreWanted) {
  ScratchFolder scratch;
  Random random(3);
  PcapBuilder file;
  for (std::uint32_t i = 0; i < 5'000; ++i) file.record(1'600'000'000 + i, 0, random_payload(random, 84), 84);
  write_bytes(scratch / "x.zst", zstd_frame(file.bytes));  // of one frame, which cannot be entered in the middle
  const Counted counted = count((scratch / "x.zst").string(), second, 20'000, 4'096);
  EXPECT_GE(counted.index.size(), 20u);
  StretchReader reader((scratch / "x.zst").string(), second, counted.index, {{1'600'000'900, 1'600'004'000}}, 4'096);
  EXPECT_EQ(read_all(reader).size(), 3'101u);
  EXPECT_LE(reader.input_bytes(), fs::file_size(scratch / "x.zst"));
  EXPECT_TRUE(reader.from_beginning());
}

TEST(Extract, AGzippedCaptureIsEnteredInItsMiddle) {
  ScratchFolder scratch;
  Random random(3);
  PcapBuilder file;
  for (std::uint32_t i = 0; i < 40'000; ++i) file.record(1'600'000'000 + i, 0, random_payload(random, 84), 84);
  const std::string path = scratch / "x.gz";
  write_bytes(path, gzip_member(file.bytes));
  const Counted counted = count(path, second, 50'000, 4'096);
  EXPECT_GE(counted.index.size(), 10u);
  StretchReader reader(path, second, counted.index, {{1'600'030'000, 1'600'030'009}}, 4'096);
  EXPECT_EQ(read_all(reader).size(), 10u);
  EXPECT_FALSE(reader.from_beginning());
  EXPECT_LT(reader.input_bytes(), fs::file_size(path) / 4);
}

TEST(Extract, ACaptureThatBecameShorterIsAnError) {
  ScratchFolder scratch;
  PcapBuilder file;
  for (std::uint32_t i = 0; i < 1'000; ++i) file.record(1'600'000'000 + i, 0, Bytes(84, 1), 84);
  write_bytes(scratch / "x", file.bytes);
  const Counted counted = count((scratch / "x").string(), second, 20'000, 4'096);
  write_bytes(scratch / "x", prefix(file.bytes, 60'050));
  for (const std::int64_t k : {1'600'000'599, 1'600'000'990}) {  // in the stretch that is cut, and behind it
    StretchReader reader((scratch / "x").string(), second, counted.index, {{k, k}});
    Status status;
    while (status && reader.next_bound_ns())
      if (auto packets = reader.next(); !packets) status = packets.error();
    EXPECT_FALSE(status) << k;
  }
}

// Several captures -----

TEST(MergePackets, EachCapturesOwnOrderMergedByTime) {
  const std::uint32_t seed = std::random_device{}();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  ScratchFolder scratch;
  for (std::uint64_t round = 0; round < 20; ++round) {
    std::vector<StretchReader> readers;
    std::vector<std::vector<oracle::Record>> queues;
    for (std::uint64_t i = 0; i < 4; ++i) {
      const fs::path path = scratch / fmt::format("{}", i);
      write_bytes(path, pcap_of_clock(seed + i, i % 2, 30 + 20 * i).bytes);  // steady and jittering clocks
      readers.emplace_back(path.string(), second, count(path.string(), second, 600, 128).index,
                           std::vector<IntervalRange>{{INT64_MIN, INT64_MAX}}, 128);
      queues.push_back(kept_records(path));
    }
    std::vector<oracle::Record> wanted, got;
    std::vector<std::size_t> at(queues.size(), 0);
    while (true) {
      std::size_t best = queues.size();
      for (std::size_t i = 0; i < queues.size(); ++i)
        if (at[i] < queues[i].size() && (best == queues.size() || queues[i][at[i]].ts_ns < queues[best][at[best]].ts_ns)) best = i;
      if (best == queues.size()) break;
      wanted.push_back(queues[best][at[best]++]);
    }
    ASSERT_TRUE(merge_packets(readers, [&](const PacketView& packet) { return got.push_back(record_of(packet)), Expected<bool>(true); }));
    ASSERT_EQ(difference(got, wanted), "");
  }
}

// What is written -----

struct Written {
  Bytes bytes;
  std::string error;
};

Written write_packets(const std::vector<oracle::Record>& records, PacketFileWriter::Format format) {
  Written written;
  PacketFileWriter writer(format, [&](std::string_view text) {
    written.bytes.insert(written.bytes.end(), text.begin(), text.end());
    return Status();
  });
  for (const auto& record : records) {
    const Status status = writer.packet({record.ts_ns, record.wire, record.captured, record.payload.data(), static_cast<LinkType>(record.link)});
    if (!status) written.error = status.error().message();
  }
  EXPECT_TRUE(writer.finish());
  return written;
}

TEST(PacketFile, IsReadBackByAnIndependentReader) {
  Random random(11);
  std::vector<oracle::Record> records;
  for (int i = 0; i < 5'000; ++i) {
    oracle::Record record;
    record.fate = "packet";
    record.ts_ns = 1'600'000'000'123'456'789 + i * 999'999'937LL;
    record.link = 1;
    record.payload = random_payload(random, random() % 300);
    record.captured = static_cast<std::uint32_t>(record.payload.size());
    record.wire = record.captured + random() % 100;
    records.push_back(std::move(record));
  }
  const auto pcap = write_packets(records, PacketFileWriter::Format::pcap);
  EXPECT_EQ(difference(oracle::read_capture(pcap.bytes).records, records), "");
  for (auto& record : records) record.link = random() % 2 ? 1 : 101;
  records[7].ts_ns = 4'999'999'999'999'999'999;  // beyond pcap's 2106
  const auto pcapng = write_packets(records, PacketFileWriter::Format::pcapng);
  EXPECT_EQ(pcapng.error, "");
  EXPECT_EQ(difference(oracle::read_capture(pcapng.bytes).records, records), "");
}

TEST(PacketFile, SaysWhatPcapCannotHold) {
  const oracle::Record plain{"packet", 5, 3, 3, 1, Bytes(3, 1)};
  struct Row { const char* words; std::function<void(oracle::Record&)> change; };
  const Row table[] = {
      {"link type 1 ETHERNET and link type 101 RAW", [](oracle::Record& r) { r.link = 101; }},
      {"before 1970", [](oracle::Record& r) { r.ts_ns = -1; }},
      {"after 2106", [](oracle::Record& r) { r.ts_ns = 4'294'967'296'000'000'000; }},
      {"captured bytes", [](oracle::Record& r) { r.payload.resize(262'145); r.captured = 262'145; }},
  };
  for (const Row& row : table) {
    oracle::Record odd = plain;
    row.change(odd);
    EXPECT_NE(write_packets({plain, odd}, PacketFileWriter::Format::pcap).error.find(row.words), std::string::npos) << row.words;
    const auto pcapng = write_packets({plain, odd}, PacketFileWriter::Format::pcapng);
    EXPECT_EQ(difference(oracle::read_capture(pcapng.bytes).records, {plain, odd}), "") << row.words;
    EXPECT_EQ(difference(walk_bytes(pcapng.bytes).records, {plain, odd}), "") << row.words;
  }
  EXPECT_EQ(walk_bytes(write_packets({}, PacketFileWriter::Format::pcap).bytes).error, "") << "an empty capture is one";
}

}  // namespace
}  // namespace tidegauge
