// Which bytes are read for a few intervals: only the stretches that hold them, of every format, plain and compressed.
#include <fmt/format.h>

#include "tests/ingest/clock_captures.hpp"
#include "tests/ingest/extract_support.hpp"

namespace tidegauge {
namespace {

using namespace test;

Bytes steady_erf() {
  ErfBuilder file;
  for (std::uint32_t i = 0; i < 10'000; ++i) file.record(erf_time(first_second + i, 0), Bytes(84, 1), 88);
  return file.bytes;
}

TEST(StretchReader, OnlyStretchesThatOverlapAreReadOfEveryFormat) {
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

TEST(StretchReader, WhatRepeatsARecordBeforeTheStretchIsReadToo) {
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

TEST(StretchReader, ACompressedCaptureIsInflatedOnceHoweverManyStretchesAreWanted) {
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

TEST(StretchReader, AGzippedCaptureIsEnteredInItsMiddle) {
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

TEST(StretchReader, ACaptureThatBecameShorterIsAnError) {
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

}  // namespace
}  // namespace tidegauge
