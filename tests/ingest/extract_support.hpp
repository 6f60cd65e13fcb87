// From a capture to its index and back to its packets: counting that keeps the index, reading by it, and what the
// definitions say comes out.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "ingest/formats/packet_file.hpp"
#include "ingest/sinks/count_capture.hpp"
#include "ingest/sinks/stretch_reader.hpp"
#include "tests/ingest/capture_builder.hpp"
#include "tests/ingest/walk_support.hpp"
#include "tests/oracle/naive_decoder.hpp"
#include "tests/oracle/naive_order.hpp"

namespace tidegauge::test {

inline constexpr std::int64_t second = 1'000'000'000;

inline oracle::Record record_of(const PacketView& packet) {
  RecordingSink sink;
  sink.packet(packet);
  return sink.records.front();
}

struct Written {
  Bytes bytes;
  std::string error;
};

inline Written write_packets(const std::vector<oracle::Record>& records, PacketFileWriter::Format format) {
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
inline Counted count(const std::string& path, const How& how, std::uint64_t step, std::size_t block_bytes,
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

inline StretchReader reader_of(const std::string& path, const How& how, const Counted& counted, std::vector<IntervalRange> wanted,
                        std::size_t block_bytes = 4'096) {
  StretchOptions options{.block_bytes = block_bytes, .times = how.times, .dedup = how.keyed.dedup};
  if (how.keyed.only.any() || !how.keyed.filter.empty()) options.selection = std::make_shared<PacketSelection>(how.keyed);
  return StretchReader(path, how.interval_ns, counted.index, std::move(wanted), options);
}

inline std::vector<oracle::Record> read_all(StretchReader& reader) {
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

inline HeaderFacts facts_of(const oracle::Record& record, bool outer) {
  const PacketView view{record.ts_ns, record.wire, record.captured, record.payload.data(), static_cast<LinkType>(record.link)};
  return oracle::NaiveDecoder::locate(view, {.outer = outer}).facts;
}

/// What the filters that tests give say.
inline constexpr const char* short_ones = "less 300";
inline constexpr const char* even_ones = "link[0] & 1 = 0";
inline bool matches(const oracle::Record& record, const KeyedOptions& options) {
  if (options.filter == short_ones && record.wire > 300) return false;
  if (options.filter == even_ones && (record.payload.empty() || record.payload[0] % 2 != 0)) return false;
  return !options.only.any() || options.only.matches(facts_of(record, options.outer));
}

/// What the walker delivers of the whole capture and the definitions of keyed_sink.hpp count.
inline std::vector<oracle::Record> counted_records(const fs::path& path, const How& how = {}) {
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
inline std::vector<IntervalRange> partition(const IntervalRows& rows, Random& random) {
  std::vector<IntervalRange> ranges;
  for (auto row = rows.begin(); row != rows.end();) {
    IntervalRange range{row->first, row->first};
    for (std::uint32_t more = 1 + random() % 4; more != 0 && row != rows.end(); --more, ++row) range.last_k = row->first;
    ranges.push_back(range);
  }
  return ranges;
}

inline IntervalRow without_order(IntervalRow row) {
  for (const Column column : {Column::late, Column::backward, Column::absurd, Column::damaged, Column::duplicates, Column::lost})
    row[column] = 0;
  return row;
}

/// An extracted capture, counted, gives the rows that it was extracted by. What the order of records says is of the capture.
inline void expect_these_rows(const std::vector<oracle::Record>& records, const IntervalRange& range, const Counted& counted,
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
inline void expect_each_record_once(const fs::path& path, const How& how, Random& random, std::size_t* stretches = nullptr) {
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

/// Options at random, of those that choose among the packets.
inline KeyedOptions random_choice(Random& random) {
  KeyedOptions options;
  if (random() % 3 == 0) options.dedup = random() % 2 ? 1 + random() % 5 : 1 + random() % 150;
  if (random() % 3 == 0) options.filter = random() % 2 ? short_ones : even_ones;
  if (random() % 3 == 0) {
    EXPECT_TRUE(options.only.add(random() % 2 ? "tcp" : "udp"));
  }
  options.outer = random() % 4 == 0;
  return options;
}

/// 10,000 packets, one a second, of about 100 bytes each.
inline constexpr std::uint32_t first_second = 1'600'000'000;
inline Bytes steady_pcap(const PcapShape& shape = {}) {
  PcapBuilder file(shape);
  for (std::uint32_t i = 0; i < 10'000; ++i) file.record(first_second + i, 0, Bytes(84, 1), 88);
  return file.bytes;
}

}  // namespace tidegauge::test
