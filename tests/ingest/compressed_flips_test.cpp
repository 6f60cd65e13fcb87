// Single-byte flips in compressed captures: an error in words where nothing could be read, and otherwise rows whose account
// adds up, with every record that lies before the flip, and words if any are missing behind it.
#include <algorithm>
#include <string>

#include "ingest/sinks/count_capture.hpp"
#include "tests/ingest/capture_builder.hpp"
#include "tests/ingest/gzip_support.hpp"

namespace tidegauge {
namespace {

using namespace test;

constexpr int kRecords = 2'000;
constexpr std::uint32_t kFirstSecond = 1'600'000'000;
#if defined(__SANITIZE_ADDRESS__)
constexpr int kFlips = 100;  // a tenth of the speed
#else
constexpr int kFlips = 500;
#endif

/// A record a second, of 30 conversations, so that there is much to match.
PcapBuilder conversations(Random& random) {
  std::vector<Bytes> payloads;
  for (int i = 0; i < 30; ++i) payloads.push_back(random_payload(random, 40 + random() % 60));
  PcapBuilder pcap;
  for (std::uint32_t i = 0; i < kRecords; ++i) {
    Bytes& payload = payloads[random() % payloads.size()];
    payload[random() % payload.size()] = static_cast<std::uint8_t>(random());
    pcap.record(kFirstSecond + i, random() % 1'000'000, payload, 1500);
  }
  return pcap;
}

/// For each byte of `compressed` the length of what zlib, given all bytes before it, has inflated.
std::vector<std::size_t> inflated_before(const Bytes& compressed) {
  std::vector<std::size_t> lengths;
  z_stream stream{};
  EXPECT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
  Bytes in = compressed, out(1 << 16);
  std::size_t length = 0;
  for (std::uint8_t& byte : in) {
    lengths.push_back(length);
    stream.next_in = &byte;
    stream.avail_in = 1;
    stream.next_out = out.data();
    stream.avail_out = static_cast<uInt>(out.size());
    const int code = inflate(&stream, Z_NO_FLUSH);
    EXPECT_TRUE(code == Z_OK || code == Z_STREAM_END) << code;
    length += out.size() - stream.avail_out;
    if (code == Z_STREAM_END) inflateReset(&stream);
  }
  inflateEnd(&stream);
  return lengths;
}

struct Answer {
  IntervalRows rows;
  std::string error, damage;
  RecordAccount account;
};

Answer count(const fs::path& path) {
  Answer answer;
  const auto counted = count_capture(path.string(), {}, [&](const RowPortion& portion) -> Status {
    add_rows(answer.rows, IntervalRows(portion));
    return {};
  });
  if (!counted) return answer.error = counted.error().message(), answer;
  answer.damage = counted->damage;
  answer.account = counted->account;
  return answer;
}

std::size_t packets_before(const Answer& answer, std::size_t records) {
  std::size_t packets = 0;
  for (std::size_t i = 0; i < records; ++i) {
    const auto row = answer.rows.find(kFirstSecond + static_cast<std::int64_t>(i));
    packets += row != answer.rows.end() && row->second[Column::packets] != 0;
  }
  return packets;
}

void expect_flips_keep_what_lies_before(const PcapBuilder& capture, const Bytes& compressed, std::uint32_t seed) {
  Random random(seed);
  const ScratchFolder scratch;
  const fs::path path = scratch / "x.pcap.gz";
  write_bytes(path, compressed);
  const Answer intact = count(path);
  ASSERT_EQ(intact.account.counted, std::size_t{kRecords});
  const auto inflated = inflated_before(compressed);
  Bytes damaged = compressed;
  int unread = 0;
  for (int flip = 0; flip < kFlips; ++flip) {
    const std::size_t at = random() % compressed.size();
    SCOPED_TRACE("seed " + std::to_string(seed) + " byte " + std::to_string(at));
    damaged[at] ^= static_cast<std::uint8_t>(1 + random() % 255);
    write_bytes(path, damaged);
    damaged[at] = compressed[at];
    const Answer answer = count(path);
    // Records that end before what the flip can change: as many as begin there, less the last.
    const auto begun = std::ranges::upper_bound(capture.starts, inflated[at]) - capture.starts.begin();
    const auto before = static_cast<std::size_t>(std::max<std::ptrdiff_t>(begun - 1, 0));
    if (!answer.error.empty()) {
      EXPECT_EQ(before, 0u) << answer.error;
      EXPECT_NE(answer.error.find(path.string()), std::string::npos) << answer.error;
      ++unread;
      continue;
    }
    EXPECT_TRUE(answer.account.adds_up());
    EXPECT_EQ(packets_before(answer, before), before) << answer.damage;
    if (answer.damage.empty()) {  // a byte of a header that means nothing here, as the time
      EXPECT_EQ(answer.rows, intact.rows);
    }
  }
  EXPECT_LT(unread, kFlips / 5) << "few bytes are those of the first header and block";
}

TEST(CompressedFlips, OneMember) {
  Random random(91);
  const PcapBuilder capture = conversations(random);
  expect_flips_keep_what_lies_before(capture, zlib_member(capture.bytes, {"level 6"}), 92);
}

TEST(CompressedFlips, BgzfBlocks) {
  Random random(93);
  const PcapBuilder capture = conversations(random);
  constexpr std::size_t kPart = 20'000;
  Bytes blocks;
  for (std::size_t at = 0; at < capture.bytes.size(); at += kPart) {
    const auto begin = capture.bytes.begin() + static_cast<std::ptrdiff_t>(at);
    append(blocks, bgzf_block(Bytes(begin, begin + static_cast<std::ptrdiff_t>(std::min(kPart, capture.bytes.size() - at)))));
  }
  append(blocks, bgzf_block({}));
  expect_flips_keep_what_lies_before(capture, blocks, 94);
}

}  // namespace
}  // namespace tidegauge
