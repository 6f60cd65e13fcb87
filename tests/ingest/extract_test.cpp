// From intervals back to packets: whatever the clocks and the damage, each counted record comes out exactly once, and
// only the stretches that hold it are read.
#include <fmt/format.h>

#include <array>
#include <functional>
#include <memory>

#include "ingest/formats/packet_file.hpp"
#include "ingest/sinks/count_capture.hpp"
#include "ingest/sinks/kept_packets.hpp"
#include "ingest/sinks/merge_packets.hpp"
#include "ingest/sinks/stretch_reader.hpp"
#include "tests/ingest/capture_builder.hpp"
#include "tests/ingest/erf_builder.hpp"
#include "tests/ingest/source_support.hpp"
#include "tests/ingest/walk_support.hpp"
#include "tests/oracle/naive_decoder.hpp"
#include "tests/oracle/naive_order.hpp"
#include "tests/packets.hpp"
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

/// How a capture is counted.
struct How {
  KeyedOptions keyed{};
  std::string times{};                ///< a `.times` file with
  std::vector<std::int64_t> line_ns{};  ///< these
  std::int64_t interval_ns = second;
};

struct Counted {
  IntervalRows rows;
  RecordAccount account;
  std::vector<IndexEntry> index;
};

/// @param piece_bytes 0 for one thread
Counted count(const std::string& path, const How& how, std::uint64_t step, std::size_t block_bytes,
              std::uint64_t piece_bytes = 0) {
  Counted result;
  ThreadBudget budget(piece_bytes == 0 ? 0 : 2);
  CountOptions options{.interval_ns = how.interval_ns, .index_step_bytes = step, .block_bytes = block_bytes,
                       .times = how.times, .keyed = how.keyed};
  if (piece_bytes != 0) options.spare_threads = &budget, options.piece_bytes = piece_bytes;
  const auto counted = count_capture(path, options, [&](const RowPortion& portion) -> Status {
    add_rows(result.rows, IntervalRows(portion));
    return {};
  });
  if (!counted) return ADD_FAILURE() << counted.error().message(), result;
  result.account = counted->account;
  result.index = counted->index;
  EXPECT_TRUE(is_sound(result.index));
  for (IndexEntry& entry : result.index) {  // as it comes out of a series file
    if (!entry.head) continue;
    const auto again = decode_resume_head(encode(*entry.head));
    EXPECT_TRUE(again && *again == *entry.head);
    if (again) entry.head = std::make_shared<const ResumeHead>(*again);
  }
  return result;
}

StretchReader reader_of(const std::string& path, const How& how, const Counted& counted, std::vector<IntervalRange> wanted,
                        std::size_t block_bytes = 4'096) {
  StretchOptions options{.block_bytes = block_bytes, .times = how.times, .dedup = how.keyed.dedup};
  if (how.keyed.only.any() || !how.keyed.filter.empty()) options.selection = std::make_shared<PacketSelection>(how.keyed);
  return StretchReader(path, how.interval_ns, counted.index, std::move(wanted), options);
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

HeaderFacts facts_of(const oracle::Record& record, bool outer) {
  const PacketView view{record.ts_ns, record.wire, record.captured, record.payload.data(), static_cast<LinkType>(record.link)};
  return oracle::NaiveDecoder::locate(view, {.outer = outer}).facts;
}

/// What the filters that tests give say.
constexpr const char* short_ones = "less 300";
constexpr const char* even_ones = "link[0] & 1 = 0";
bool matches(const oracle::Record& record, const KeyedOptions& options) {
  if (options.filter == short_ones && record.wire > 300) return false;
  if (options.filter == even_ones && (record.payload.empty() || record.payload[0] % 2 != 0)) return false;
  return !options.only.any() || options.only.matches(facts_of(record, options.outer));
}

/// What the walker delivers of the whole capture and the definitions of keyed_sink.hpp count.
std::vector<oracle::Record> counted_records(const fs::path& path, const How& how = {}) {
  auto records = walk_file(path).records;
  for (std::size_t i = 0; i < how.line_ns.size(); ++i) records.at(i).ts_ns = how.line_ns[i];
  std::erase_if(records, [](const oracle::Record& record) { return record.fate != "packet"; });
  std::vector<oracle::Record> distinct, counted;
  for (std::size_t i = 0; i < records.size(); ++i) {
    bool repeats = false;
    for (std::size_t back = 1; back <= std::min(i, how.keyed.dedup); ++back)
      repeats |= records[i - back].payload == records[i].payload && records[i - back].wire == records[i].wire;
    if (!repeats) distinct.push_back(records[i]);
  }
  std::vector<std::int64_t> times;
  for (const auto& record : distinct) times.push_back(record.ts_ns);
  const auto absurd = oracle::absurd_ones(times);
  for (std::size_t i = 0; i < distinct.size(); ++i)
    if (!absurd[i] && matches(distinct[i], how.keyed)) counted.push_back(distinct[i]);
  return counted;
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

IntervalRow without_order(IntervalRow row) {
  for (const Column column : {Column::late, Column::backward, Column::absurd, Column::damaged, Column::duplicates, Column::lost})
    row[column] = 0;
  return row;
}

/// An extracted capture, counted, gives the rows that it was extracted by. What the order of records says is of the capture.
void expect_these_rows(const std::vector<oracle::Record>& records, const IntervalRange& range, const Counted& counted,
                       const How& how, const fs::path& scratch_file) {
  write_bytes(scratch_file, write_packets(records, PacketFileWriter::Format::pcapng).bytes);
  const Counted again = count(scratch_file.string(), {.keyed = {.outer = how.keyed.outer}, .interval_ns = how.interval_ns}, 1 << 20, 0);
  IntervalRows wanted, got;
  for (auto row = counted.rows.lower_bound(range.first_k); row != counted.rows.end() && row->first <= range.last_k; ++row)
    if (row->second[Column::packets] != 0) wanted[row->first] = without_order(row->second);
  for (const auto& [k, row] : again.rows) got[k] = without_order(row);
  ASSERT_EQ(got, wanted) << "intervals " << range.first_k << " to " << range.last_k;
}

/// Extracts by every part of a partition, and checks that all of it is each counted record once, in its interval.
void expect_each_record_once(const fs::path& path, const How& how, Random& random, std::size_t* stretches = nullptr) {
  const std::uint64_t step = 200 + random() % 3000;
  const std::size_t block = 64 + random() % 1500;
  const std::uint64_t piece = random() % 2 ? 300 + random() % 5000 : 0;
  const Counted counted = count(path.string(), how, step, block, piece);
  ASSERT_TRUE(counted.account.adds_up());
  if (stretches) *stretches += counted.index.size();
  const auto all = counted_records(path, how);
  ASSERT_EQ(all.size(), counted.account.counted);

  StretchReader whole = reader_of(path.string(), how, counted, {{INT64_MIN, INT64_MAX}}, block);
  ASSERT_EQ(difference(read_all(whole), all), "") << "step " << step << " block " << block;

  std::size_t total = 0;
  for (const IntervalRange& range : partition(counted.rows, random)) {
    StretchReader reader = reader_of(path.string(), how, counted, {range}, block);
    std::vector<oracle::Record> wanted;
    for (const auto& record : all) {
      const std::int64_t k = oracle::floor_interval(record.ts_ns, how.interval_ns);
      if (k >= range.first_k && k <= range.last_k) wanted.push_back(record);
    }
    const auto got = read_all(reader);
    ASSERT_EQ(difference(got, wanted), "")
        << "intervals " << range.first_k << " to " << range.last_k << " step " << step << " block " << block;
    total += wanted.size();
    const bool within_a_day = (range.last_k - range.first_k + 1) * (how.interval_ns / 1'000'000'000) < 86'400;
    if (within_a_day && range.first_k >= 0 && random() % 8 == 0)
      expect_these_rows(got, range, counted, how, path.string() + ".extracted");
    if (testing::Test::HasFatalFailure()) return;
  }
  ASSERT_EQ(total, counted.account.counted);
}

/// Payloads that filters tell apart, some of which come again.
class Payloads {
 public:
  explicit Payloads(Random& random) : random_(random) {}
  /// Without the first `skip` bytes, those of Ethernet.
  Bytes next(std::size_t skip = 0) {
    if (!made_.empty() && random_() % 3 == 0) {
      last_ = made_[made_.size() - 1 - random_() % std::min<std::size_t>(made_.size(), 6)];
    } else {
      last_ = {random_() % 3 ? packet() : random_payload(random_, 1 + random_() % 90), random_() % 2 ? random_() % 700 : 0};
      made_.push_back(last_);
    }
    const std::size_t cut = skip < last_.first.size() ? skip : 0;
    return Bytes(last_.first.begin() + static_cast<std::ptrdiff_t>(cut), last_.first.end());
  }
  /// What the last one had more on the wire.
  std::uint32_t uncaptured() const { return last_.second; }

 private:
  Bytes packet() {
    const Bytes inner[] = {tcp(2), udp(53, 1'000 + random_() % 3), icmp(8), gre(0, 0x0800, 0, ipv4(6, tcp(16)))};
    const int protocols[] = {6, 17, 1, 47};
    const std::size_t kind = random_() % 4;
    return eth(0x0800, ipv4(protocols[kind], inner[kind])) + random_payload(random_, random_() % 30);
  }
  Random& random_;
  std::vector<std::pair<Bytes, std::uint32_t>> made_;
  std::pair<Bytes, std::uint32_t> last_;
};

/// Records of such a clock, of two interfaces; sometimes a new section, an interface that cannot be read, a packet without
/// a time.
Bytes pcapng_of_clock(std::uint64_t seed, std::uint64_t round, std::size_t records) {
  RandomStream clock(seed, round);
  Random random(static_cast<std::uint32_t>(seed + round));
  Payloads payloads(random);
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
    if (random() % 20 == 0) file.simple(random_payload(random, 20));
    const std::uint32_t interface = random() % 2;
    const Bytes payload = payloads.next(interface == 1 ? 14 : 0);
    file.enhanced(interface, static_cast<std::uint64_t>(ts), payload, static_cast<std::uint32_t>(payload.size()) + payloads.uncaptured());
  }
  return file.bytes;
}

/// Every magic, version and layout, also those that the first records tell.
const std::vector<PcapShape>& pcap_shapes() {
  static const std::vector<PcapShape> shapes{
      {.name = "microseconds"},
      {.name = "nanoseconds", .magic = 0xa1b23c4d},
      {.name = "patched", .magic = 0xa1b2cd34},
      {.name = "Ixia, nanoseconds", .magic = 0x1c0001ac},
      {.name = "Ixia, microseconds", .magic = 0x1c0001ab},
      {.name = "frame check sequences", .link_word = 0x2400'0001},
      {.name = "version 2.2", .minor = 2},
      {.name = "version 543.0", .minor = 0, .major = 543},
      {.name = "Red Hat 6.1", .record_header = 24},
      {.name = "Nokia IPSO", .record_header = 20},
      {.name = "SuSE 6.3", .magic = 0xa1b2cd34, .record_header = 28},
  };
  return shapes;
}

Bytes pcap_of_clock(std::uint64_t seed, std::uint64_t round, std::size_t records, PcapShape shape = {}) {
  RandomStream clock(seed, round);
  Random random(static_cast<std::uint32_t>(seed + round));
  Payloads payloads(random);
  shape.big_endian = random() % 2 == 0;
  PcapBuilder file(shape);
  std::int64_t ts = 1'700'000'000 * second;
  for (std::size_t i = 0; i < records; ++i) {
    ts = random_time(clock, round % clock_models, ts);
    const auto seconds = static_cast<std::uint32_t>(static_cast<std::uint64_t>(ts) / second % 4'000'000'000u);
    const Bytes payload = i < 3 || random() % 20 ? payloads.next() : Bytes();  // the first records tell some layouts
    file.record(seconds, random() % 1'000'000, payload, static_cast<std::uint32_t>(payload.size()) + payloads.uncaptured());
  }
  return file.bytes;
}

/// Ethernet and IPv4; types that are not decoded or are no packets are rare, because to believe them the walker looks ahead as
/// far as a record can be long, which is farther than these captures.
Bytes erf_of_clock(std::uint64_t seed, std::uint64_t round, std::size_t records) {
  RandomStream clock(seed, round);
  Random random(static_cast<std::uint32_t>(seed + round));
  Payloads payloads(random);
  ErfBuilder file;
  std::int64_t ts = 1'700'000'000 * second;
  for (std::size_t i = 0; i < records; ++i) {
    ts = random_time(clock, round % clock_models, ts);
    const std::uint8_t usual[] = {2, 16, 22}, odd[] = {3, 27};
    const std::uint8_t type = i < 4 ? 2 : random() % 100 ? usual[random() % 3] : odd[random() % 2];
    const Bytes payload = payloads.next(type == 22 ? 14 : 0);
    const std::uint64_t seconds = static_cast<std::uint64_t>(ts) / second % 4'000'000'000u;
    file.record(erf_time(seconds, random()), payload, static_cast<std::uint16_t>(payload.size() + payloads.uncaptured() + 4),
                {.type = type, .extension_headers = static_cast<int>(random() % 3)});
  }
  return file.bytes;
}

Bytes capture_of_clock(std::uint64_t seed, std::uint64_t round, std::size_t records) {
  if (round % 3 == 0) return pcapng_of_clock(seed, round / 3, records);
  if (round % 3 == 1) return pcap_of_clock(seed, round / 3, records, pcap_shapes()[round / 3 % pcap_shapes().size()]);
  return erf_of_clock(seed, round / 3, records);
}

void damage(Bytes& bytes, Random& random) {
  for (std::uint32_t hits = random() % 4; hits != 0; --hits)
    bytes[30 + random() % (bytes.size() - 30)] = static_cast<std::uint8_t>(random());
  if (random() % 4 == 0) bytes.resize(bytes.size() - random() % 40);
}

/// A member, frame or stream, or a few, cut anywhere.
Bytes compressed(const Bytes& bytes, Random& random) {
  const Compressor& compressor = kCompressors[random() % kCompressors.size()];
  Bytes members;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t size = std::min<std::size_t>(bytes.size() - at, random() % 3 == 0 ? bytes.size() : 1 + random() % 4000);
    append(members, compressor.compress(Bytes(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                                              bytes.begin() + static_cast<std::ptrdiff_t>(at + size))));
    at += size;
  }
  return members;
}

/// Options at random, of those that choose among the packets.
KeyedOptions random_choice(Random& random) {
  KeyedOptions options;
  if (random() % 3 == 0) options.dedup = random() % 2 ? 1 + random() % 5 : 1 + random() % 150;
  if (random() % 3 == 0) options.filter = random() % 2 ? short_ones : even_ones;
  if (random() % 3 == 0) {
    EXPECT_TRUE(options.only.add(random() % 2 ? "tcp" : "udp"));
  }
  options.outer = random() % 4 == 0;
  return options;
}

/// A line for each record that has a time in the capture or is refused by name, up to a second off, in lines of any
/// length. None where a time does not fit a line.
std::optional<std::vector<std::int64_t>> write_times(const fs::path& path, const fs::path& capture, Random& random) {
  std::vector<std::int64_t> line_ns;
  std::string text;
  for (const auto& record : walk_file(capture).records) {
    if (record.ts_ns < second || record.ts_ns > 9'000'000'000'000'000'000) {
      if (record.fate == "packet") return std::nullopt;
    }
    std::int64_t ns = record.ts_ns + (random() % 2 ? random() % 1'000 : random() % second);
    if (random() % 3 == 0) ns -= ns % 1'000'000;
    line_ns.push_back(ns);
    text += fmt::format("{}.{:09}", ns / second, ns % second);
    if (ns % 1'000'000 == 0) text.resize(text.size() - 6);
    text += random() % 4 ? "\n" : "\r\n";
  }
  Bytes bytes(text.begin(), text.end());
  write_bytes(path, random() % 2 ? bytes : gzip_member(bytes));
  return line_ns;
}

TEST(ThreadsExtract, EveryPartitionGivesEachCountedRecordOnce) {
  const std::uint32_t seed = std::random_device{}();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  ScratchFolder scratch;
  Random random(seed);
  std::array<std::size_t, 3> stretches{};  // of pcapng, pcap, ERF
  for (std::uint64_t round = 0; round < 150; ++round) {
    SCOPED_TRACE(fmt::format("round {}", round));
    Bytes bytes = capture_of_clock(seed, round, 40 + random() % 200);
    if (random() % 3 == 0) damage(bytes, random);
    if (random() % 4 == 0) bytes = compressed(bytes, random);
    const fs::path path = scratch / "x";
    write_bytes(path, bytes);
    if (!walk_file(path).ok()) continue;  // the damage hit the file header
    const How how{.keyed = random() % 2 ? random_choice(random) : KeyedOptions{}, .interval_ns = round % 7 ? second : 60 * second};
    expect_each_record_once(path, how, random, &stretches[round % 3]);
    if (testing::Test::HasFatalFailure()) return;
  }
  for (const std::size_t of_format : stretches) EXPECT_GT(of_format, 50u) << "the captures were to have many stretches";
}

TEST(Extract, TimesBesideACaptureDecide) {
  const std::uint32_t seed = std::random_device{}();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  ScratchFolder scratch;
  Random random(seed);
  std::size_t stretches = 0;
  for (std::uint64_t round = 0; round < 60; ++round) {
    SCOPED_TRACE(fmt::format("round {}", round));
    Bytes bytes = capture_of_clock(seed, round, 40 + random() % 200);
    if (random() % 4 == 0) bytes = compressed(bytes, random);
    const fs::path path = scratch / "x", times = scratch / "x.times";
    write_bytes(path, bytes);
    const auto walk = walk_file(path);
    if (!walk.ok() || walk.damaged + walk.truncated != 0) continue;  // lines and records cannot be aligned
    const auto line_ns = write_times(times, path, random);
    if (!line_ns) continue;
    const How how{.keyed = random() % 2 ? random_choice(random) : KeyedOptions{}, .times = times.string(), .line_ns = *line_ns};
    expect_each_record_once(path, how, random, &stretches);
    if (testing::Test::HasFatalFailure()) return;
  }
  EXPECT_GT(stretches, 30u);
}

TEST(Extract, OddCapturesGiveEachCountedRecordOnce) {
  TG_NEEDS_SHARED_DATA();
  ScratchFolder scratch;
  Random random(7);
  int captures = 0;
  for (const auto& file : fs::recursive_directory_iterator(shared_data() / "edge")) {
    if (!file.is_regular_file() || file.path().extension() == ".csv" || file.file_size() > (1 << 20)) continue;
    if (!walk_file(file.path()).ok()) continue;
    SCOPED_TRACE(file.path().filename().string());
    if (counted_records(file.path()).size() > 3000) continue;
    fs::copy_file(file.path(), scratch / "x", fs::copy_options::overwrite_existing);
    expect_each_record_once(scratch / "x", {}, random);
    if (testing::Test::HasFatalFailure()) return;
    ++captures;
  }
  EXPECT_GT(captures, 20);
}

// What is read -----

/// 10,000 packets, one a second, of about 100 bytes each.
constexpr std::uint32_t first_second = 1'600'000'000;
Bytes steady_pcap(const PcapShape& shape = {}) {
  PcapBuilder file(shape);
  for (std::uint32_t i = 0; i < 10'000; ++i) file.record(first_second + i, 0, Bytes(84, 1), 88);
  return file.bytes;
}
Bytes steady_erf() {
  ErfBuilder file;
  for (std::uint32_t i = 0; i < 10'000; ++i) file.record(erf_time(first_second + i, 0), Bytes(84, 1), 88);
  return file.bytes;
}

TEST(Extract, OnlyStretchesThatOverlapAreReadOfEveryFormat) {
  ScratchFolder scratch;
  std::vector<std::pair<std::string, Bytes>> captures{{"ERF", steady_erf()}};
  for (const PcapShape& shape : pcap_shapes()) captures.emplace_back(shape.name, steady_pcap(shape));
  const std::string path = scratch / "x";
  for (const auto& [name, bytes] : captures) {
    SCOPED_TRACE(name);
    write_bytes(path, bytes);
    const Counted counted = count(path, {}, 50'000, 4'096);
    EXPECT_GE(counted.index.size(), 18u);
    std::uint64_t packets = 0;
    for (const IndexEntry& entry : counted.index) packets += entry.packets;
    EXPECT_EQ(packets, 10'000u);
    StretchReader reader = reader_of(path, {}, counted, {{first_second + 5'000, first_second + 5'009}});
    EXPECT_EQ(read_all(reader).size(), 10u);
    EXPECT_FALSE(reader.from_beginning());
    EXPECT_LT(reader.input_bytes(), 130'000u) << "at most two stretches and what was read ahead, of a million bytes";
    StretchReader none = reader_of(path, {}, counted, {{1'700'000'000, 1'700'000'000}});
    EXPECT_FALSE(none.next_bound_ns());
    EXPECT_EQ(none.input_bytes(), 0u);
  }
}

TEST(Extract, WhatRepeatsARecordBeforeTheStretchIsReadToo) {
  ScratchFolder scratch;
  const std::string path = scratch / "x";
  /// 10,000 packets, one a second, of which record `again` is the one `back` records before it once more.
  const auto write_capture = [&](std::uint64_t again, std::uint64_t back) {
    PcapBuilder file;
    for (std::uint32_t i = 0; i < 10'000; ++i) {
      Bytes payload(80, 1);
      put(payload, i == again ? i - back : i, 4, false);
      file.record(first_second + i, 0, payload, 84);
    }
    write_bytes(path, file.bytes);
  };
  write_capture(0, 0);
  const auto places = count(path, {}, 50'000, 4'096).index;  // which do not depend on what the packets hold
  ASSERT_GE(places.size(), 18u);
  std::uint64_t first = 0;  // of the eleventh stretch
  for (std::size_t i = 0; i < 10; ++i) first += places[i].packets;
  const std::uint64_t one = places[9].packets, two = one + places[8].packets;
  // The record repeated is the last one of the stretch before, its first one, and one farther back.
  for (const std::uint64_t back : {std::uint64_t{1}, one, one + 1, two, std::uint64_t{1'000}}) {
    write_capture(first, back);
    for (const std::uint64_t window : {back - 1, back}) {
      SCOPED_TRACE(fmt::format("{} records back, a window of {}", back, window));
      const How how{.keyed = {.dedup = window}};
      const Counted counted = count(path, how, 50'000, 4'096);
      const bool seen = window == back;
      EXPECT_EQ(counted.account.counted, 10'000u - seen);
      const auto k = static_cast<std::int64_t>(first_second + first);
      StretchReader reader = reader_of(path, how, counted, {{k, k + 9}});
      EXPECT_EQ(read_all(reader).size(), 10u - seen);
      EXPECT_LT(reader.input_bytes(), 70'000u + (1 + window / one) * 55'000u) << "of a million";
    }
  }
}

TEST(Extract, ATimesFileIsEnteredInItsMiddle) {
  ScratchFolder scratch;
  const std::string path = scratch / "x.pcap";
  write_bytes(path, steady_pcap());
  std::string lines;
  for (std::uint32_t i = 0; i < 10'000; ++i) lines += fmt::format("{}.{:09}\n", first_second + i, i);
  How how{.times = scratch / "x.times"};
  write_text(how.times, lines);
  const Counted counted = count(path, how, 50'000, 4'096);
  EXPECT_GE(counted.index.size(), 18u);
  const std::vector<IntervalRange> two{{first_second + 2'000, first_second + 2'009}, {first_second + 8'000, first_second + 8'009}};
  const auto read = [&](const std::string& capture) {
    StretchReader reader = reader_of(capture, how, counted, two);
    const auto records = read_all(reader);
    EXPECT_EQ(records.size(), 20u);
    if (records.size() == 20) {
      EXPECT_EQ(records[13].ts_ns, (first_second + 8'003) * second + 8'003);
    }
    return reader.input_bytes();
  };
  const std::uint64_t capture_bytes = [&] {
    StretchReader reader = reader_of(path, {}, counted, two);
    read_all(reader);
    return reader.input_bytes();
  }();
  const std::uint64_t block = 1 << 20;  // of a plain file; the lines have 210,000 bytes
  EXPECT_LE(read(path), capture_bytes + 2 * block);
  const Bytes zipped = gzip_member(Bytes(lines.begin(), lines.end()));
  how.times += ".gz";
  write_bytes(how.times, zipped);
  EXPECT_EQ(count(path, how, 50'000, 4'096).index.size(), counted.index.size());
  EXPECT_LE(read(path), capture_bytes + zipped.size()) << "read once, however many stretches are wanted";

  how.times = scratch / "x.times";
  for (const auto& [words, text] : std::vector<std::pair<const char*, std::string>>{
           {"it has 30000", lines.substr(0, 30'000)},
           {"no line begins at byte", "1" + lines},
           {"more than a second off", std::string(lines).replace(lines.find("1600002003"), 10, "1600009003")},
           {"is not a time", std::string(lines).replace(lines.find("1600002003"), 10, "16000020x3")},
           {"do not match", lines.substr(0, lines.find("1600002003"))}}) {
    write_text(how.times, text);
    StretchReader reader = reader_of(path, how, counted, {{first_second + 2'000, first_second + 2'009}});
    const auto packets = reader.next();
    ASSERT_FALSE(packets) << words;
    EXPECT_NE(packets.error().message().find(words), std::string::npos) << packets.error().message();
  }
}

TEST(Extract, ACompressedCaptureIsInflatedOnceHoweverManyStretchesAreWanted) {
  ScratchFolder scratch;
  Random random(3);
  PcapBuilder file;
  for (std::uint32_t i = 0; i < 5'000; ++i) file.record(1'600'000'000 + i, 0, random_payload(random, 84), 84);
  const std::string path = scratch / "x.zst";
  write_bytes(path, zstd_frame(file.bytes));  // of one frame, which cannot be entered in the middle
  const Counted counted = count(path, {}, 20'000, 4'096);
  EXPECT_GE(counted.index.size(), 20u);
  StretchReader reader = reader_of(path, {}, counted, {{1'600'000'900, 1'600'004'000}});
  EXPECT_EQ(read_all(reader).size(), 3'101u);
  EXPECT_LE(reader.input_bytes(), fs::file_size(path));
  EXPECT_TRUE(reader.from_beginning());
}

TEST(Extract, AGzippedCaptureIsEnteredInItsMiddle) {
  ScratchFolder scratch;
  Random random(3);
  PcapBuilder file;
  for (std::uint32_t i = 0; i < 40'000; ++i) file.record(1'600'000'000 + i, 0, random_payload(random, 84), 84);
  const std::string path = scratch / "x.gz";
  write_bytes(path, gzip_member(file.bytes));
  const Counted counted = count(path, {}, 50'000, 4'096);
  EXPECT_GE(counted.index.size(), 10u);
  StretchReader reader = reader_of(path, {}, counted, {{1'600'030'000, 1'600'030'009}});
  EXPECT_EQ(read_all(reader).size(), 10u);
  EXPECT_FALSE(reader.from_beginning());
  EXPECT_LT(reader.input_bytes(), fs::file_size(path) / 4);
}

TEST(Extract, ACaptureThatBecameShorterIsAnError) {
  ScratchFolder scratch;
  const std::string path = scratch / "x";
  const Bytes bytes = steady_pcap();
  write_bytes(path, bytes);
  const Counted counted = count(path, {}, 20'000, 4'096);
  write_bytes(path, prefix(bytes, 60'050));
  for (const std::int64_t k : {first_second + 599, first_second + 990}) {  // in the stretch that is cut, and behind it
    StretchReader reader = reader_of(path, {}, counted, {{k, k}});
    Status status;
    while (status && reader.next_bound_ns())
      if (auto packets = reader.next(); !packets) status = packets.error();
    EXPECT_FALSE(status) << k;
  }
}

TEST(TraceIndex, OnlyWhatAWalkCanHaveMadeIsSound) {
  ScratchFolder scratch;
  write_bytes(scratch / "x", steady_pcap());
  const auto index = count((scratch / "x").string(), {}, 300'000, 4'096).index;
  ASSERT_EQ(index.size(), 4u);
  EXPECT_TRUE(is_sound({}));
  struct Row { const char* words; std::function<void(std::vector<IndexEntry>&)> change; };
  const Row table[] = {
      {"intervals the wrong way round", [](auto& i) { std::swap(i[1].first_k, i[1].last_k); }},
      {"no packet", [](auto& i) { i[2].packets = 0; }},
      {"more packets than bytes", [](auto& i) { i[1].packets = i[2].stream_offset - i[1].stream_offset + 1; }},
      {"entered behind its beginning", [](auto& i) { ++(i[1].entry.stream_offset = i[1].stream_offset); }},
      {"out of order", [](auto& i) { std::swap(i[1], i[2]); }},
      {"a first stretch with something before it", [](auto& i) { i.erase(i.begin()); }},
      {"nothing said of the records before", [](auto& i) { i[3].before.reset(); }},
      {"nothing said of the layout", [](auto& i) { i[3].head.reset(); }},
      {"times out of order", [](auto& i) { i[1].times.offset = 5; }},
  };
  for (const Row& row : table) {
    auto changed = index;
    row.change(changed);
    EXPECT_FALSE(is_sound(changed)) << row.words;
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
      write_bytes(path, pcap_of_clock(seed + i, i % 2, 30 + 20 * i));  // steady and jittering clocks
      readers.push_back(reader_of(path.string(), {}, count(path.string(), {}, 600, 128), {{INT64_MIN, INT64_MAX}}, 128));
      queues.push_back(counted_records(path));
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
