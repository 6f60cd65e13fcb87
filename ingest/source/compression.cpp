#include "ingest/source/compression.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "ingest/source/gzip_header.hpp"

namespace tidegauge {
namespace {

using namespace std::string_view_literals;

bool starts_with(std::span<const std::uint8_t> head, std::string_view magic) {
  return head.size() >= magic.size() &&
         std::equal(magic.begin(), magic.end(), head.begin(),
                    [](char wanted, std::uint8_t got) { return static_cast<std::uint8_t>(wanted) == got; });
}

bool begins_skippable(std::span<const std::uint8_t> head) {
  return head.size() >= 4 && (head[0] & 0xf0) == 0x50 && starts_with(head.subspan(1), "\x2a\x4d\x18");
}

bool begins_gzip(std::span<const std::uint8_t> head) {
  return starts_with(head, "\x1f\x8b\x08");
}  // RFC 1952
/// A gzip member's header that some compressor would write (RFC 1952 section 2.3), and the first bits of its
/// data if they follow at once. Among bytes that look random one in 250 thousand million passes.
bool surely_begins_gzip(std::span<const std::uint8_t> head) {
  if (head.size() < 11 || head[0] != 0x1f || head[1] != 0x8b || head[2] != 8) return false;
  const bool known_flags = (head[3] & 0xe0) == 0;
  const bool known_effort = head[8] == 0 || head[8] == 2 || head[8] == 4;
  const bool known_system = head[9] <= 13 || head[9] == 255;
  const bool known_block = head[3] != 0 || (head[10] >> 1 & 3) != 3;
  return known_flags && known_effort && known_system && known_block;
}
bool begins_zstd(std::span<const std::uint8_t> head) {
  return starts_with(head, "\x28\xb5\x2f\xfd") || begins_skippable(head);
}
bool begins_xz(std::span<const std::uint8_t> head) { return starts_with(head, "\xfd\x37zXZ\0"sv); }
/// "BZh", the block size, and the first block's magic or, in an empty stream, that of the end.
bool begins_bzip2(std::span<const std::uint8_t> head) {
  return starts_with(head, "BZh") && head.size() >= 10 && head[3] >= '1' && head[3] <= '9' &&
         (starts_with(head.subspan(4), "\x31\x41\x59\x26\x53\x59") ||
          starts_with(head.subspan(4), "\x17\x72\x45\x38\x50\x90"));
}
bool begins_lz4(std::span<const std::uint8_t> head) {
  return starts_with(head, "\x04\x22\x4d\x18") || begins_skippable(head);
}
bool begins_lz4_legacy(std::span<const std::uint8_t> head) { return starts_with(head, "\x02\x21\x4c\x18"); }
bool begins_compress(std::span<const std::uint8_t> head) { return starts_with(head, "\x1f\x9d"); }

constexpr std::array<Compression, 7> kCompressions{{
    {"gzip", "member", "gzip -dc", begins_gzip, make_gzip_decoder, surely_begins_gzip, false, gzip_header_bytes},
    {"zstd", "frame", "zstd -dc", begins_zstd, make_zstd_decoder, begins_zstd},
    {"xz", "stream", "xz -dc", begins_xz, make_xz_decoder, begins_xz, true},
    {"bzip2", "stream", "bzip2 -dc", begins_bzip2, make_bzip2_decoder, begins_bzip2},
    {"lz4", "frame", "lz4 -dc", begins_lz4, make_lz4_decoder, begins_lz4},
    {"lz4 (legacy)", "frame", "lz4 -dc", begins_lz4_legacy, nullptr, nullptr},
    {"compress (.Z)", "stream", "gzip -dc", begins_compress, nullptr, nullptr},
}};

}  // namespace

std::span<const Compression> compressions() { return kCompressions; }

const Compression* recognise_compression(std::span<const std::uint8_t> head) {
  // Behind a skippable frame that is short (pzstd writes one of 12 bytes before each frame) lies what it
  // belongs to.
  const std::uint64_t skip = skippable_frame_bytes(head);
  if (skip != 0 && skip < head.size()) {
    const Compression* const behind = recognise_compression(head.subspan(static_cast<std::size_t>(skip)));
    if (behind) return behind;
  }
  const auto found = std::find_if(kCompressions.begin(), kCompressions.end(),
                                  [&](const Compression& compression) { return compression.begins(head); });
  return found == kCompressions.end() ? nullptr : &*found;
}

std::uint64_t skippable_frame_bytes(std::span<const std::uint8_t> head) {
  if (head.size() < 8 || !begins_skippable(head)) return 0;
  return 8 + (std::uint64_t{head[4]} | std::uint64_t{head[5]} << 8 | std::uint64_t{head[6]} << 16 |
              std::uint64_t{head[7]} << 24);
}

}  // namespace tidegauge
