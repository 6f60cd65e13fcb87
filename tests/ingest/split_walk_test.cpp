// One capture on several threads gives what one walk gives: rows, account, spans and words about damage, for any number
// of threads and any size of pieces, on whole, damaged, cut and deceptive captures.
#include "ingest/sinks/split_walk.hpp"

#include <atomic>
#include <new>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include "ingest/formats/capture.hpp"
#include "ingest/sinks/count_capture.hpp"
#include "ingest/sinks/count_sink.hpp"
#include "tests/ingest/capture_builder.hpp"
#include "tests/ingest/gzip_support.hpp"
#include "tests/ingest/walk_support.hpp"

namespace tidegauge {
namespace {

using namespace test;

struct Answer {
  std::string error, format, damage;
  RecordAccount account;
  std::optional<std::int64_t> first_ns, last_ns;
  IntervalRows rows;
  KeyedRows keyed;
  friend bool operator==(const Answer&, const Answer&) = default;
};

Answer count(const std::string& path, CountOptions options) {
  Answer answer;
  options.keyed_rows = [&](const KeyedRows& portion, const KeyPlan&) -> Status {
    add_rows(answer.keyed, KeyedRows(portion));
    return {};
  };
  const auto counted = count_capture(path, options, [&](const RowPortion& portion) -> Status {
    add_rows(answer.rows, IntervalRows(portion));
    return {};
  });
  if (!counted) {
    answer.error = counted.error().message();
    answer.keyed.clear();
    answer.rows.clear();  // how many were handed over before an error is no answer
    return answer;
  }
  answer.format = counted->format;
  answer.damage = counted->damage;
  answer.account = counted->account;
  answer.first_ns = counted->first_ns;
  answer.last_ns = counted->last_ns;
  return answer;
}

std::string words(const Answer& answer) {
  return answer.error + "|" + answer.format + "|" + answer.damage + "| read " + std::to_string(answer.account.read) +
         " counted " + std::to_string(answer.account.counted) + " skipped " +
         std::to_string(answer.account.skipped_bytes) + " rows " + std::to_string(answer.rows.size());
}

struct Split {
  std::size_t spare;
  std::uint64_t piece_bytes;
};
const std::vector<Split> splits{{0, 1000}, {1, 100}, {1, 4096}, {2, 333}, {7, 64}, {7, 1500}, {3, 1 << 20}};

/// Every split of this capture, tolerant and strict, gives the single walk's answer.
void expect_equal(const Bytes& capture, const std::string& what, CountOptions options = {}) {
  const ScratchFolder scratch;
  const std::string path = scratch / "capture";
  write_bytes(path, capture);
  for (const bool strict : {false, true}) {
    options.strict = strict;
    options.spare_threads = nullptr;
    options.block_bytes = 700;  // pieces are short here, and what is read beyond them shall be too
    const Answer whole = count(path, options);
    for (const Split& split : splits) {
      if (capture.size() / split.piece_bytes > 600) continue;  // opening the file so often is all that it would test
      ThreadBudget budget(split.spare);
      options.spare_threads = &budget;
      options.piece_bytes = split.piece_bytes;
      Answer answer = count(path, options);
      // Which of two faults in one block a strict walk names first depends on the blocks.
      if (answer.error.find("damaged: ") != std::string::npos && whole.error.find("damaged: ") != std::string::npos)
        answer.error = whole.error;
      EXPECT_EQ(answer, whole) << what << (strict ? ", strict" : "") << ", " << split.spare << " spare threads, pieces of "
                               << split.piece_bytes << "\n got " << words(answer) << "\nwant " << words(whole);
      std::size_t returned = 0;
      while (budget.take()) ++returned;
      EXPECT_EQ(returned, split.spare) << "threads are given back";
      if (testing::Test::HasFailure()) return;
    }
  }
}

const std::vector<PcapShape> shapes{
    {"micro", 0xa1b2c3d4},
    {"nano", 0xa1b23c4d},
    {"swapped", 0xa1b2c3d4, true},
    {"modified", 0xa1b2cd34},
};

/// A few thousand records whose times wander, jump and come back, so that the ends of stretches matter.
PcapBuilder wild_pcap(Random& random, PcapShape shape, int count) {
  PcapBuilder pcap(shape);
  std::uint32_t now = 1'600'000'000;
  for (int i = 0; i < count; ++i) {
    const std::uint32_t kind = random() % 200;
    std::uint32_t at = now;
    if (kind == 0) at += 5 * 86'400;         // absurd if alone
    if (kind == 1) now += 3 * 86'400;        // a gap
    if (kind == 2 && now > 10) at = now - 7; // late
    if (kind < 20) now += 1;
    const Bytes payload = random_payload(random, random() % 90 + 1);
    pcap.record(at, random() % 1'000'000, payload, static_cast<std::uint32_t>(payload.size()) + random() % 900);
  }
  return pcap;
}

TEST(ThreadsSplitWalk, WildTimesInEveryLayout) {
  Random random(1);
  for (const PcapShape& shape : shapes) expect_equal(wild_pcap(random, shape, 3000).bytes, shape.name);
}

TEST(ThreadsSplitWalk, WhatAHelperThrowsIsThrownToTheCaller) {
  const ScratchFolder scratch;
  const std::string path = scratch / "capture";
  Random random(15);
  write_bytes(path, wild_pcap(random, shapes[0], 2000).bytes);
  auto source = open_source(path);
  ASSERT_TRUE(source);
  const WalkOptions walking;
  WalkSession session(path, **source, walking, 700);
  RowPortions portions(1000, [](const IntervalRows&) { return Status(); });
  ThreadBudget budget(2);
  const auto caller = std::this_thread::get_id();
  std::atomic<bool> thrown{false};
  const auto make_sink = [&](RowPortions& to) {
    if (std::this_thread::get_id() != caller) {
      thrown = true;
      throw std::bad_alloc();
    }
    while (!thrown) std::this_thread::yield();  // else it may be done before a helper has begun
    return CountSink(1'000'000'000, to);
  };
  const auto walked = with_walker<CountSink>(session, [&](const auto& make_walker, const auto& guess) -> Status {
    SplitCapture split{.path = path, .pieces = {}, .head_bytes = session.reader().offset(),
                       .input_bytes = (*source)->input_total(), .block_bytes = 700};
    for (std::uint64_t at = 0; at + 2000 <= split.input_bytes; at += 2000) split.pieces.push_back(at);
    SplitWalk<CountSink, decltype(make_sink), std::decay_t<decltype(make_walker)>> walk(
        split, guess, 1'000'000'000, walking, make_sink, make_walker, portions, budget);
    EXPECT_THROW(static_cast<void>(walk.run()), std::bad_alloc);
    return {};
  });
  EXPECT_TRUE(walked);
  EXPECT_TRUE(budget.take() && budget.take()) << "threads are given back";
}

TEST(ThreadsSplitWalk, KeysFiltersAndDuplicates) {
  Random random(13);
  for (const bool dedup : {false, true}) {
    CountOptions options;
    options.keyed.by = {{KeyKind::protocol, {}}, {KeyKind::dport, {}}};
    options.keyed.distinct = true;
    options.keyed.filter = "greater 40";
    options.keyed.dedup = dedup ? 4 : 0;
    options.flush_rows = 500;
    options.flush_keyed_bytes = 100'000;
    PcapBuilder pcap;
    std::uint32_t now = 1'600'000'000;
    for (int i = 0; i < 2500; ++i) {
      now += random() % 20 == 0;
      Bytes packet = random_payload(random, 60);
      packet[12] = 8, packet[13] = 0, packet[14] = 0x45, packet[20] = packet[21] = 0, packet[23] = random() % 2 ? 6 : 17;
      packet[16] = 0, packet[17] = 46, packet[36] = 0;
      for (std::uint32_t copies = 1 + (random() % 5 == 0); copies != 0; --copies)
        pcap.record(now + (random() % 100 == 0 ? 2 : 0), 1, packet, 60);
    }
    expect_equal(pcap.bytes, dedup ? "keys, without duplicates" : "keys", options);
  }
}

// A second of backbone traffic has tens of thousands of ports: few intervals may be much. (A piece was walked whole before its
// rows come to what is held, so that is the slack.)
TEST(ThreadsSplitWalk, FewIntervalsOfManyKeysAreHandedOverByTheirBytes) {
  Random random(14);
  for (const bool jumping : {false, true}) {  // between two clocks: no record is settled by the one before it
    PcapBuilder pcap;
    for (std::uint32_t i = 0; i < 40'000; ++i) {
      Bytes packet(60, 0);
      packet[12] = 8, packet[14] = 0x45, packet[17] = 46, packet[23] = 17;
      packet[36] = static_cast<std::uint8_t>(i >> 8), packet[37] = static_cast<std::uint8_t>(i);  // each its own port
      pcap.record(1'600'000'000 + i / 2000 + (jumping && i / 2 % 2 ? 3 * 86'400 : 0), 1, packet, 60);
    }
    const ScratchFolder scratch;
    write_bytes(scratch / "capture", pcap.bytes);
    for (const std::size_t spare : {0, 3}) {
      ThreadBudget budget(spare);
      CountOptions options;
      options.keyed.by = {{KeyKind::dport, {}}};
      options.spare_threads = &budget;
      options.piece_bytes = 50'000;
      options.flush_keyed_bytes = 100'000;
      std::size_t most = 0, keys = 0;
      options.keyed_rows = [&](const KeyedRows& portion, const KeyPlan&) -> Status {
        most = std::max(most, RowPortions::bytes_of(portion));
        for (const auto& [k, row] : portion) keys += row.counts.size();
        return {};
      };
      ASSERT_TRUE(count_capture(scratch / "capture", options, [](const RowPortion&) { return Status(); }));
      EXPECT_EQ(keys, 40'000u) << "of 24 bytes: most of a megabyte";
      EXPECT_LT(most, 200'000u) << (jumping ? "jumping, " : "") << spare << " spare threads";
    }
  }
}

TEST(ThreadsSplitWalk, DamageAnywhere) {
  Random random(2);
  for (int round = 0; round < 12; ++round) {
    Bytes bytes = wild_pcap(random, shapes[static_cast<std::size_t>(round) % shapes.size()], 1500).bytes;
    for (int i = 0; i < 1 + round; ++i) {
      const std::size_t at = 24 + random() % (bytes.size() - 24);
      switch (random() % 3) {
        case 0: bytes[at] ^= static_cast<std::uint8_t>(1 + random() % 255); break;
        case 1: bytes.erase(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                            bytes.begin() + static_cast<std::ptrdiff_t>(std::min(bytes.size(), at + random() % 3000)));
                break;
        default: for (std::size_t n = at; n < std::min(bytes.size(), at + random() % 2000); ++n) bytes[n] = 0;
      }
    }
    expect_equal(bytes, "round " + std::to_string(round));
  }
}

TEST(ThreadsSplitWalk, CutAtItsEnd) {
  Random random(3);
  const Bytes bytes = wild_pcap(random, {}, 400).bytes;
  for (int round = 0; round < 20; ++round) expect_equal(prefix(bytes, 24 + random() % (bytes.size() - 24)), "cut");
  expect_equal(prefix(bytes, 24), "header only");
}

/// A guess that lands in the inner capture finds records that hold together, and none of them is one.
TEST(ThreadsSplitWalk, ACaptureCarriedInItsPayload) {
  Random random(4);
  PcapBuilder outer;
  for (std::uint32_t i = 0; i < 40; ++i) {
    const Bytes inner = ordinary_pcap(random, 120).bytes;
    outer.record(1'600'000'000 + i, 0, inner, static_cast<std::uint32_t>(inner.size()));
  }
  expect_equal(outer.bytes, "capture in a capture");
}

TEST(ThreadsSplitWalk, RecordsLongerThanPieces) {
  Random random(5);
  PcapBuilder pcap;
  for (std::uint32_t i = 0; i < 60; ++i)
    pcap.record(1'600'000'000 + i, 0, random_payload(random, i % 3 == 0 ? 20'000 : 10), 20'000);
  expect_equal(pcap.bytes, "long records");
}

TEST(ThreadsSplitWalk, PiecesWithMoreRowsThanTheyMayHold) {
  Random random(6);
  PcapBuilder pcap;
  for (std::uint32_t i = 0; i < 40'000; ++i) pcap.record(1'600'000'000 + i, 0, Bytes(4, 1), 60);
  CountOptions options;
  options.flush_rows = 1000;
  expect_equal(pcap.bytes, "a row a record", options);
}

TEST(ThreadsSplitWalk, PcapngWithInterfacesInTheMiddle) {
  Random random(7);
  for (const bool big : {false, true}) {
    PcapngBuilder file(big);
    file.interface(1);
    std::uint32_t interfaces = 1;
    for (std::uint32_t i = 0; i < 3000; ++i) {
      const std::uint32_t kind = random() % 400;
      if (kind == 0) file.interface(static_cast<std::uint16_t>(kind % 2 ? 101 : 1), {{9, {9}}}), ++interfaces;
      if (kind == 1) file.section(!file.big), file.interface(1), interfaces = 1;
      const Bytes payload = random_payload(random, 1 + random() % 80);
      file.enhanced(random() % (interfaces + (kind == 2)), (1'600'000'000ull + i / 9) * 1'000'000, payload, 900);
    }
    expect_equal(file.bytes, big ? "pcapng, big endian" : "pcapng");
    for (int i = 0; i < 6; ++i) file.bytes[28 + random() % (file.bytes.size() - 28)] ^= 0x55;
    expect_equal(file.bytes, "damaged pcapng");
  }
}

/// As files of a second each, concatenated after compression; or of one member, which cannot be split.
TEST(ThreadsSplitWalk, CompressedMembers) {
  Random random(11);
  for (int round = 0; round < 24; ++round) {
    Bytes bytes = wild_pcap(random, {}, 1500).bytes, members;
    for (std::size_t at = 0; at < bytes.size();) {
      const std::size_t size = std::min<std::size_t>(bytes.size() - at, round < 2 ? bytes.size() : 1 + random() % 9000);
      const Bytes part(bytes.begin() + static_cast<std::ptrdiff_t>(at), bytes.begin() + static_cast<std::ptrdiff_t>(at + size));
      append(members, round % 2 ? gzip_member(part) : zstd_frame(part));
      at += size;
    }
    if (round >= 8) {
      const std::size_t at = random() % members.size();
      if (round % 3 == 0) members[at] ^= static_cast<std::uint8_t>(1 + random() % 255);
      if (round % 3 == 1) members.resize(at + 1);
      if (round % 3 == 2) members.insert(members.begin() + static_cast<std::ptrdiff_t>(at), {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 5});
    }
    expect_equal(members, "compressed, round " + std::to_string(round));
    if (HasFailure()) return;
  }
}

/// A flipped bit costs about the member or frame in which it lies, in its header as well as in its body, and not what
/// follows, though in the flags of a gzip header it may turn up to 64 KiB into an extra field.
TEST(ThreadsSplitWalk, ADamagedMemberCostsItsOwnRecords) {
  constexpr std::size_t kPart = 7'000, kRecords = 3'000;
  constexpr unsigned kSeed = 15;
  Random random(kSeed);
  const ScratchFolder scratch;
  const Bytes bytes = ordinary_pcap(random, kRecords).bytes;
  for (const bool gzip : {true, false}) {
    Bytes whole;
    std::vector<std::size_t> begins;
    for (std::size_t at = 0; at < bytes.size(); at += kPart) {
      const auto first = bytes.begin() + static_cast<std::ptrdiff_t>(at);
      const Bytes part(first, first + static_cast<std::ptrdiff_t>(std::min(bytes.size() - at, kPart)));
      begins.push_back(whole.size());
      append(whole, gzip ? gzip_member(part) : zstd_frame(part));
    }
    ASSERT_GT(begins.size(), 20u);
    // With what a damaged record header before the end of the file may swallow.
    const std::size_t lost_at_most = 5 * kPart * kRecords / bytes.size();
    for (int round = 0; round < 60; ++round) {
      Bytes damaged = whole;
      const std::size_t begin = begins[1 + random() % (begins.size() - 1)];
      const std::size_t at = round % 2 ? begin + random() % 4 : begins[1] + random() % (whole.size() - begins[1]);
      damaged[at] ^= static_cast<std::uint8_t>(1 << random() % 8);
      const std::string where = "seed " + std::to_string(kSeed) + (gzip ? " gzip" : " zstd") + " byte " + std::to_string(at);
      write_bytes(scratch / "capture", damaged);
      const auto counted = count_capture(scratch / "capture", {}, [](const RowPortion&) { return Status{}; });
      ASSERT_TRUE(counted) << where;
      EXPECT_GE(counted->account.counted + lost_at_most, kRecords) << where << ": " << counted->damage;
      if (round % 10 == 1) expect_equal(damaged, where);
    }
  }
}

/// Records of 30 conversations, so that there is much to match.
Bytes conversations(Random& random, int count) {
  std::vector<Bytes> payloads;
  for (int i = 0; i < 30; ++i) payloads.push_back(random_payload(random, 40 + random() % 60));
  PcapBuilder pcap;
  for (int i = 0; i < count; ++i) {
    Bytes& payload = payloads[random() % payloads.size()];
    payload[random() % payload.size()] = static_cast<std::uint8_t>(random());
    pcap.record(1'600'000'000 + static_cast<std::uint32_t>(i) / 50, random() % 1'000'000, payload, 1500);
  }
  return pcap.bytes;
}

/// What a damaged member holds depends on nothing but its bytes: neither on how it is read nor on who helps. The longer one
/// is inflated by several threads; in fixed codes a fault is soon met, where others only decode to something else.
TEST(ThreadsSplitWalk, DamagedGzipMembers) {
  constexpr unsigned kSeed = 14;
  Random random(kSeed);
  std::mt19937 damaging(kSeed);
  const ScratchFolder scratch;
  const std::string path = scratch / "capture.pcap.gz";
  const Bytes shorter = zlib_member(conversations(random, 6'000), {"fixed codes", 6, Z_FIXED});
  const Bytes longer = zlib_member(wild_pcap(random, {}, 80'000).bytes, {"level 1", 1});
  EXPECT_GT(longer.size(), 4 << 20);
  for (int round = 0; round < 80; ++round) {
    Bytes member = round % 16 == 0 ? longer : shorter;
    damage(member, kZlibHeaderBytes, damaging);
    write_bytes(path, member);
    const Answer one = count(path, {});
    for (const std::size_t spare : {0u, 1u, 7u}) {
      const std::size_t block_bytes = random() % 3 == 0 ? 0 : 3'000 + random() % 300'000;
      ThreadBudget budget(spare);
      const Answer answer = count(path, {.spare_threads = &budget, .block_bytes = block_bytes});
      EXPECT_EQ(answer, one) << "seed " << kSeed << " round " << round << ", " << spare << " spare threads, blocks of "
                             << block_bytes << "\n got " << words(answer) << "\nwant " << words(one);
    }
  }
}

TEST(ThreadsSplitWalk, RealCaptures) {
  TG_NEEDS_SHARED_DATA();
  int files = 0;
  for (const char* folder : {"pcaps", "edge"}) {
    for (const auto& entry : fs::directory_iterator(shared_data() / folder)) {
      const std::string extension = entry.path().extension();
      if ((extension != ".pcap" && extension != ".pcapng") || entry.file_size() > 300'000) continue;
      expect_equal(read_bytes(entry.path()), entry.path().filename().string());
      ++files;
    }
  }
  EXPECT_GT(files, 80);
}

/// On an ordinary capture every guess is right: otherwise threads would only warm the room.
TEST(SplitWalk, GuessesHoldOnOrdinaryMembers) {
  Random random(12);
  const ScratchFolder scratch;
  const Bytes bytes = ordinary_pcap(random, 20'000).bytes;
  Bytes gzip, zstd;
  for (std::size_t at = 0; at < bytes.size(); at += 7'000) {
    const std::size_t size = std::min<std::size_t>(bytes.size() - at, 7'000);
    const Bytes part(bytes.begin() + static_cast<std::ptrdiff_t>(at), bytes.begin() + static_cast<std::ptrdiff_t>(at + size));
    append(gzip, gzip_member(part));
    append(zstd, zstd_frame(part));
  }
  write_bytes(scratch / "gzip", gzip);
  write_bytes(scratch / "zstd", zstd);
  for (const char* name : {"gzip", "zstd"}) {
    ThreadBudget budget(2);
    const CountOptions options{.spare_threads = &budget, .piece_bytes = 40'000};
    const auto counted = count_capture(scratch / name, options, [](const RowPortion&) { return Status{}; });
    ASSERT_TRUE(counted) << name;
    EXPECT_EQ(counted->account.counted, 20'000u);
    EXPECT_GT(counted->pieces, 90u) << name;
    EXPECT_EQ(counted->walked_again, 0u) << name;
  }
}

TEST(SplitWalk, GuessesHoldOnOrdinaryCaptures) {
  Random random(10);
  const ScratchFolder scratch;
  write_bytes(scratch / "pcap", ordinary_pcap(random, 20'000).bytes);
  PcapngBuilder file;
  file.interface(1);
  for (std::uint32_t i = 0; i < 20'000; ++i)
    file.enhanced(0, (1'600'000'000ull + i / 9) * 1'000'000, random_payload(random, 1 + random() % 80), 900);
  write_bytes(scratch / "pcapng", file.bytes);
  for (const char* name : {"pcap", "pcapng"}) {
    ThreadBudget budget(2);
    const CountOptions options{.spare_threads = &budget, .piece_bytes = 10'000};
    const auto counted = count_capture(scratch / name, options, [](const RowPortion&) { return Status{}; });
    ASSERT_TRUE(counted) << name;
    EXPECT_GT(counted->pieces, 90u) << name;
    EXPECT_LE(counted->walked_again, 1u) << name << ": but for a guess made before its file's head was walked";
  }
}

TEST(SplitWalk, AnErrorOfTheConsumerEndsIt) {
  Random random(8);
  const ScratchFolder scratch;
  write_bytes(scratch / "c", wild_pcap(random, {}, 2000).bytes);
  ThreadBudget budget(3);
  CountOptions options{.spare_threads = &budget, .piece_bytes = 500};
  const auto counted =
      count_capture(scratch / "c", options, [](const RowPortion&) -> Status { return Error{"no room", "x", ""}; });
  ASSERT_FALSE(counted);
  EXPECT_EQ(counted.error().what, "no room");
}

TEST(SplitWalk, AnExceptionOfTheProgressEndsIt) {
  Random random(9);
  const ScratchFolder scratch;
  write_bytes(scratch / "c", wild_pcap(random, {}, 2000).bytes);
  ThreadBudget budget(3);
  CountOptions options{.spare_threads = &budget, .piece_bytes = 500};
  options.progress = [](std::uint64_t done, std::uint64_t total) {
    EXPECT_LE(done, total);
    if (done > total / 2) throw 7;
  };
  EXPECT_THROW((void)count_capture(scratch / "c", options, [](const RowPortion&) { return Status{}; }), int);
  while (budget.take()) {
  }
}

}  // namespace
}  // namespace tidegauge
