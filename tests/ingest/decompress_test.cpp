// Every compression: any block size, any number of units, cuts, flipped bits, what follows the last unit.
#include <random>
#include <string>

#include "tests/ingest/gzip_support.hpp"
#include "tests/oracle/naive_inflate.hpp"

namespace tidegauge {
namespace {

using namespace test;

std::string context(const Compressor& compressor, const std::string& what) {
  return std::string(compressor.name) + ": " + what;
}

Bytes joined(const std::vector<Bytes>& parts) {
  Bytes all;
  for (const Bytes& part : parts) append(all, part);
  return all;
}

bool is_prefix(const Bytes& front, const Bytes& whole) {
  return front.size() <= whole.size() && std::equal(front.begin(), front.end(), whole.begin());
}

TEST(Decompress, UnitsAndWhatFollowsThem) {
  std::mt19937 random(2);
  const Bytes a = text_like(random, 60'000), b = text_like(random, 1000), none;
  for (const Compressor& compressor : kCompressors) {
    const Bytes ca = compressor.compress(a), cb = compressor.compress(b), empty = compressor.compress(none);
    const std::string unit = std::string(compressor.name) + " " + compressor.unit;
    const std::string followed = unit + " at byte 0 is followed by bytes that are no " + unit;
    const bool xz = std::string_view(compressor.name) == "xz";
    Bytes damaged_start = ca;
    damaged_start[1] ^= 1;
    const struct {
      const char* name;
      std::vector<Bytes> parts;
      Bytes wanted;
      std::string damage;
    } rows[] = {
        {"one", {ca}, a, ""},
        {"two", {ca, cb}, joined({a, b}), ""},
        {"empty", {empty}, none, ""},
        {"empty between", {empty, ca, empty, empty, cb, empty}, joined({a, b}), ""},
        {"zeros after", {ca, Bytes(512, 0)}, a, ""},
        {"long zeros after", {ca, Bytes(300'000, 0)}, a, ""},
        {"garbage after", {ca, Bytes(100, 0x55)}, a, followed},
        {"one byte after", {ca, {ca[0]}}, a, followed},
        {"two bytes after", {ca, {ca[0], ca[1]}}, a, followed},
        {"a unit after zeros", {ca, Bytes(512, 0), cb}, joined({a, b}), xz ? "" : followed},
        {"a unit after garbage", {ca, Bytes(300'000, 0x55), cb}, joined({a, b}), followed},
        {"a damaged start after", {ca, damaged_start}, a, followed},
        {"a unit after a damaged start", {ca, damaged_start, cb}, joined({a, b}), followed},
    };
    for (const auto& row : rows) {
      const Bytes compressed = joined(row.parts);
      for (std::size_t step : {1u, 7u, 4096u, 65536u, 1u << 20}) {
        if (step == 1 && row.parts.size() > 1) continue;
        const Drained drained = drain_memory(compressor.name, compressed, step);
        const std::string where = context(compressor, row.name) + " by " + std::to_string(step);
        EXPECT_EQ(drained.error, "") << where;
        EXPECT_TRUE(drained.damage.starts_with(row.damage)) << where << ": " << drained.damage;
        EXPECT_EQ(drained.damage.empty(), row.damage.empty()) << where << ": " << drained.damage;
        EXPECT_TRUE(drained.bytes == row.wanted) << where << ": " << drained.bytes.size();
      }
    }
  }
}

TEST(Decompress, UnitsLongerThanTheInputBuffer) {
  std::mt19937 random(3);
  const Bytes content = noise(random, 700'000);  // does not compress
  for (const Compressor& compressor : kCompressors) {
    const Bytes unit = compressor.compress(content);
    for (std::size_t step : {4096u, 65536u, 1u << 20}) {
      EXPECT_TRUE(drain_memory(compressor.name, joined({unit, unit}), step).bytes ==
                  joined({content, content}))
          << compressor.name;
    }
  }
}

TEST(Decompress, CutAnywhereKeepsWhatCameBefore) {
  std::mt19937 random(4);
  const Bytes a = text_like(random, 600), b = text_like(random, 500);
  for (const Compressor& compressor : kCompressors) {
    const Bytes first = compressor.compress(a), compressed = joined({first, compressor.compress(b)});
    const Bytes wanted = joined({a, b});
    for (std::size_t cut = 10; cut < compressed.size(); ++cut) {
      for (std::size_t step : {7u, 4096u}) {
        const Drained drained = drain_memory(compressor.name, prefix(compressed, cut), step);
        const std::string where = context(compressor, "cut at " + std::to_string(cut));
        EXPECT_EQ(drained.error, "") << where;
        EXPECT_TRUE(is_prefix(drained.bytes, wanted)) << where;
        EXPECT_EQ(drained.damage.empty(), cut == first.size()) << where << ": " << drained.damage;
        if (cut >= first.size()) {
          EXPECT_GE(drained.bytes.size(), a.size()) << where;
        }
      }
    }
  }
}

// Several blocks in one unit: those before the fault are delivered, whatever they are asked for with.
TEST(Decompress, BlocksBeforeAFaultAreDelivered) {
  std::mt19937 random(5);
  for (const Compressor& compressor : kCompressors) {
    const Bytes content = noise(random, 900'000), good = compressor.compress(content);
    for (std::size_t tenth = 2; tenth < 10; ++tenth) {
      Bytes compressed = good;
      const std::size_t at = good.size() * tenth / 10;
      for (std::size_t i = 0; i < 64; ++i) compressed[at + i] ^= 0xff;
      std::size_t came = 0;
      for (std::size_t step : {1000u, 65536u, 1u << 20}) {
        const Drained drained = drain_memory(compressor.name, compressed, step);
        const std::string where =
            context(compressor, std::to_string(tenth) + " tenths by " + std::to_string(step));
        EXPECT_FALSE(drained.damage.empty()) << where;
        // Blocks of zstd 128 KiB, of lz4 64 KiB, of bzip2 100 KB. xz has one block, and noise is stored by
        // gzip.
        const std::size_t sure =
            content.size() * (tenth - 1) / 10 > 131'072 ? content.size() * (tenth - 1) / 10 - 131'072 : 0;
        ASSERT_GE(drained.bytes.size(), sure) << where;
        EXPECT_TRUE(std::equal(content.begin(), content.begin() + static_cast<std::ptrdiff_t>(sure),
                               drained.bytes.begin()))
            << where;
        if (came == 0) came = drained.bytes.size();
        EXPECT_EQ(drained.bytes.size(), came) << where;
      }
    }
  }
}

/// Of a damaged member exactly what comes before the fault or the cut is delivered, and the fault is told in the same words,
/// whatever it is asked for with.
void expect_exact(const Bytes& member, const std::string& what) {
  const oracle::NaiveInflate wanted(std::span<const std::uint8_t>(member).subspan(kZlibHeaderBytes));
  std::string damage;
  std::vector<std::size_t> steps{997, 9'000, 65'536};
  steps.push_back(member.size() < 10'000 ? 7 : 1 << 20);
  // Shortly before the fault, so that ISA-L holds its byte already.
  for (const std::size_t less : {8u, 4u, 2u, 1u}) steps.push_back(std::max<std::size_t>(wanted.bytes().size(), 9) - less);
  for (const std::size_t step : steps) {
    const Drained drained = drain_memory("gzip", member, step);
    EXPECT_TRUE(drained.bytes == wanted.bytes())
        << what << " by " << step << ": " << drained.bytes.size() << " not " << wanted.bytes().size();
    EXPECT_EQ(drained.error, "") << what;
    if (damage.empty()) damage = drained.damage;
    EXPECT_EQ(drained.damage, damage) << what << " by " << step;
  }
  EXPECT_TRUE(agrees(wanted.bytes(), inflated_by_zlib(member))) << what << ": the oracle";
}

TEST(Decompress, WhatComesBeforeAFaultOfGzipIsDeliveredToTheByte) {
  constexpr unsigned kSeed = 11;
  std::mt19937 random(kSeed);
  for (const Kind& kind : kKinds) {
    for (const std::size_t size : {3'000u, 200'000u}) {
      const Bytes good = zlib_member(headers_like(random, size), kind);
      for (int round = 0; round < (size < 10'000 ? 40 : 6); ++round) {
        Bytes member = good;
        damage(member, kZlibHeaderBytes, random);
        expect_exact(member, fmt::format("seed {} {} of {}, round {}", kSeed, kind.name, size, round));
      }
    }
  }
}

// At its end ISA-L withholds literals that it looked up together with what is not all there: of a last block if more than
// 4 KiB of it were at hand when it began.
TEST(Decompress, EveryCutOfGzipIsExact) {
  std::mt19937 random(10);
  for (const std::size_t size : {200u, 16'000u}) {
    const Bytes content = text_like(random, size);
    for (const std::size_t kind : {1u, 4u, 5u}) {
      const Bytes good = zlib_member(content, kKinds[kind]);
      for (std::size_t cut = std::max(kZlibHeaderBytes + 100, good.size()) - 100; cut < good.size(); ++cut) {
        const Bytes member = prefix(good, cut), wanted = inflated_by_zlib(member).bytes;
        for (const std::size_t step : {997u, 20'000u}) {
          EXPECT_TRUE(drain_memory("gzip", member, step).bytes == wanted)
              << kKinds[kind].name << " cut at " << cut << " by " << step;
        }
      }
    }
  }
}

// A fault in a block's header is met in the call that could also have decoded the block before it: which must
// not be lost, also where the reader's block ends there.
TEST(Decompress, AFaultyBlockHeaderLosesNothingBeforeIt) {
  std::mt19937 random(9);
  const Bytes content = noise(random, 500'000);  // stored, so that every block's place is known
  const struct {
    const char* name;
    Bytes frame;
    std::size_t block_bytes, header_bytes;
  } rows[] = {{"zstd", zstd_frame(content), 131'072, 3}, {"lz4", lz4_frame(content), 65'536, 4}};
  for (const auto& row : rows) {
    const std::size_t blocks = (content.size() + row.block_bytes - 1) / row.block_bytes;
    // Behind the blocks: the checksum of four bytes, and lz4's end mark.
    const std::size_t behind = row.header_bytes == 4 ? 8 : 4;
    const std::size_t first = row.frame.size() - behind - content.size() - blocks * row.header_bytes;
    for (std::size_t block = 1; block < blocks; ++block) {
      Bytes compressed = row.frame;
      const std::size_t header = first + block * (row.block_bytes + row.header_bytes);
      if (row.header_bytes == 3) compressed[header] |= 6;        // a reserved type
      if (row.header_bytes == 4) compressed[header + 2] = 0x7f;  // longer than blocks are
      for (const std::size_t step : {1000u, 65'536u, 131'072u, 1u << 20}) {
        const Drained drained = drain_memory(row.name, compressed, step);
        EXPECT_NE(drained.damage.find("cannot be decompressed"), std::string::npos) << drained.damage;
        EXPECT_TRUE(drained.bytes == prefix(content, block * row.block_bytes))
            << row.name << " block " << block << " by " << step << ": " << drained.bytes.size();
      }
    }
  }
}

TEST(Decompress, AnyFlippedBitIsNoticedOrHarmless) {
  constexpr unsigned kSeed = 6;
  std::mt19937 random(kSeed);
  const Bytes content = text_like(random, 2000);
  for (const Compressor& compressor : kCompressors) {
    const Bytes good = compressor.compress(content);
    for (std::size_t at = 0; at < good.size(); ++at) {
      Bytes compressed = good;
      compressed[at] ^= static_cast<std::uint8_t>(1u << (random() % 8));
      const Drained drained = drain_memory(compressor.name, compressed, 512);
      const std::string where = context(compressor, "seed 6 byte " + std::to_string(at));
      // Header fields such as gzip's time do not matter; whatever changes the content is told.
      if (drained.bytes != content) {
        EXPECT_FALSE(drained.damage.empty() && drained.error.empty()) << where;
      }
      EXPECT_LE(drained.bytes.size(), std::size_t{4} << 20) << where;
      // How far it came does not depend on how it was asked.
      if (drained.error.empty()) {
        EXPECT_TRUE(drain_memory(compressor.name, compressed, 7).bytes == drained.bytes) << where;
      }
    }
  }
}

TEST(Decompress, AWrongChecksumIsDamageAndTheNextUnitIsReadOn) {
  std::mt19937 random(7);
  const Bytes a = text_like(random, 200'000), b = text_like(random, 700);
  for (const Compressor& compressor : kCompressors) {
    if (!compressor.goes_on_after_a_wrong_checksum) continue;
    const bool gzip = std::string_view(compressor.name) == "gzip";
    for (std::size_t step : {7u, 1000u, 4096u, 65536u, 1u << 20}) {
      Bytes compressed = compressor.compress(a);
      // The last four bytes; in gzip they are the length, and the CRC is before them.
      compressed[compressed.size() - (1 + random() % (gzip ? 8 : 4))] ^= 0x10;
      append(compressed, compressor.compress(b));
      const Drained drained = drain_memory(compressor.name, compressed, step);
      EXPECT_NE(drained.damage.find("at byte 0 does not match its checksum"), std::string::npos)
          << compressor.name << ": " << drained.damage;
      EXPECT_TRUE(drained.bytes == joined({a, b})) << compressor.name << ": " << drained.bytes.size();
    }
  }
  // xz and bzip2 keep what was checked before, and stop.
  for (const Compressor& compressor : kCompressors) {
    if (compressor.goes_on_after_a_wrong_checksum) continue;
    Bytes compressed = compressor.compress(a), damaged = compressed;
    damaged[damaged.size() - 40] ^= 0x10;
    append(compressed, damaged);
    const Drained drained = drain_memory(compressor.name, compressed);
    EXPECT_NE(drained.damage.find(" cannot be decompressed"), std::string::npos) << drained.damage;
    EXPECT_GE(drained.bytes.size(), a.size()) << compressor.name;
  }
}

/// A flipped bit in a header makes a field of much of what follows; only the member itself is lost by it.
TEST(Decompress, AGzipHeaderThatRunsOverTheNextOneIsDamage) {
  constexpr std::size_t kMembers = 12, kHit = 4;
  std::mt19937 random(21);
  std::vector<Bytes> parts;
  for (std::size_t i = 0; i < kMembers; ++i) parts.push_back(noise(random, 3'000));
  Bytes others = joined({parts.begin(), parts.begin() + kHit});
  append(others, joined({parts.begin() + kHit + 1, parts.end()}));
  struct Row {
    const char* words;
    Bytes (*member)(const Bytes&);
    std::size_t at;
    std::uint8_t byte;
  };
  const Row rows[] = {
      {"an extra field by its flag", gzip_member, 3, 4},
      {"the length of an extra field", bgzf_block, 11, 0x20},
      {"the length of an extra field, beyond the end of the file", bgzf_block, 11, 0xff},
  };
  for (const Row& row : rows) {
    Bytes compressed;
    std::size_t begin = 0;
    for (std::size_t i = 0; i < kMembers; ++i) {
      if (i == kHit) begin = compressed.size();
      append(compressed, row.member(parts[i]));
    }
    ASSERT_TRUE(drain_memory("gzip", compressed).bytes == joined(parts)) << row.words;
    compressed[begin + row.at] = row.byte;
    if (row.at == 3) compressed[begin + 11] = 0x20;  // what it takes for the length: 8 KiB
    for (const std::size_t step : {512u, 65536u}) {
      const Drained drained = drain_memory("gzip", compressed, step);
      EXPECT_TRUE(drained.bytes == others) << row.words << ": " << drained.bytes.size() << " bytes";
      EXPECT_NE(drained.damage.find("has a header that runs over the next one's"), std::string::npos) << drained.damage;
    }
  }
}

TEST(Decompress, IsRecognisedByContentAndCountsItsInput) {
  ScratchFolder scratch;
  std::mt19937 random(8);
  const Bytes content = text_like(random, 100'000);
  for (const Compressor& compressor : kCompressors) {
    write_bytes(scratch / "no-suffix", compressor.compress(content));
    auto source = open_source((scratch / "no-suffix").string());
    ASSERT_TRUE(source) << source.error().message();
    EXPECT_EQ((*source)->compression(), compressor.name);
    EXPECT_EQ((*source)->input_done(), 0u);
    EXPECT_TRUE(drain(**source, 999).bytes == content);
    EXPECT_EQ((*source)->input_done(), (*source)->input_total());
  }
}

TEST(Decompress, SkippableFramesBelongToWhatTheySurround) {
  ScratchFolder scratch;
  const Bytes content(5000, 7);
  const auto skippable = [](std::size_t size) {
    Bytes frame(8 + size, 0x11);
    const std::uint8_t head[8] = {
        0x53, 0x2a, 0x4d, 0x18, static_cast<std::uint8_t>(size), static_cast<std::uint8_t>(size >> 8), 0, 0};
    std::copy_n(head, 8, frame.begin());
    return frame;
  };
  for (const char* name : {"zstd", "lz4"}) {
    const auto& compressor =
        *std::ranges::find_if(kCompressors, [&](auto& c) { return std::string_view(c.name) == name; });
    const Bytes frame = compressor.compress(content);
    for (std::size_t size : {0u, 4u, 100u, 5000u}) {
      write_bytes(scratch / "f",
                  joined({skippable(size), skippable(3), frame, skippable(size), frame, skippable(9)}));
      auto source = open_source((scratch / "f").string());
      ASSERT_TRUE(source);
      EXPECT_EQ((*source)->compression(), name) << size;
      const Drained drained = drain(**source, 1000);
      EXPECT_TRUE(drained.bytes == joined({content, content})) << name << size;
      EXPECT_EQ(drained.damage, "");
    }
  }
}

TEST(Decompress, OneLayerIsRead) {
  ScratchFolder scratch;
  for (const Compressor& outer : kCompressors) {
    for (const Compressor& inner : kCompressors) {
      write_bytes(scratch / "f", outer.compress(inner.compress(Bytes(1000, 3))));
      auto source = open_source((scratch / "f").string());
      ASSERT_TRUE(source);
      const Drained drained = drain(**source, 4096);
      const std::string wanted = std::string("holds ") + inner.name + " data inside " + outer.name + " data";
      EXPECT_NE(drained.error.find(wanted), std::string::npos) << drained.error;
      EXPECT_NE(drained.error.find((scratch / "f").string()), std::string::npos) << drained.error;
    }
  }
}

TEST(Decompress, MemoryIsBounded) {
  const Bytes content(3'000'000, 5);
  EXPECT_TRUE(drain_memory("zstd", zstd_frame(content, 1, 27)).bytes == content);
  const Drained zstd = drain_memory("zstd", zstd_frame(content, 1, 28));
  EXPECT_NE(zstd.error.find("needs a window of more than 128 MiB"), std::string::npos) << zstd.error;
  // Behind a frame that was read it is damage: what came before stays.
  const Drained behind = drain_memory("zstd", joined({zstd_frame(content), zstd_frame(content, 1, 28)}));
  EXPECT_TRUE(behind.bytes == content);
  EXPECT_NE(behind.damage.find(" needs a window of more than 128 MiB"), std::string::npos)
      << behind.damage;

  EXPECT_TRUE(drain_memory("xz", xz_stream(Bytes(1000, 5), 9)).bytes == Bytes(1000, 5));
  // The dictionary size of an LZMA2 filter is one byte of the block header; 40 would be 4 GiB, 32 is 256 MiB.
  Bytes stream = xz_stream(Bytes(1000, 5), 0);
  const std::size_t header = 12, header_bytes = (stream[header] + 1u) * 4;
  const auto filter = std::find(stream.begin() + header, stream.end(), 0x21);
  ASSERT_EQ(filter[1], 1);
  filter[2] = 32;
  const std::uint32_t crc = lzma_crc32(&stream[header], header_bytes - 4, 0);
  for (unsigned i = 0; i < 4; ++i)
    stream[header + header_bytes - 4 + i] = static_cast<std::uint8_t>(crc >> 8 * i);
  const Drained xz = drain_memory("xz", stream);
  EXPECT_NE(xz.error.find("MiB of memory, more than 129"), std::string::npos) << xz.error << xz.damage;
}

/// Two damaged members, at which ISA-L says that it has used more than it was given. A fuzzer made them.
TEST(Decompress, AFaultPastTheEndOfTheInput) {
  const std::string hex =
      "1f8b0808053c784d0403736c6c2e7063617000ad5a7b5c54d5dade73c31104070566445242bc241ab731bcc2288a089a0888e42d"
      "4440d42f190d0bcb2fb6daf15a94e9e968a7cf4b7a3a5627530f1d3d5a9ff469a279e3889ac71b0a6a659d2c2f292072de67edb5"
      "873d331be7fcf1ed7e9b71adbd7bd6f3bcefbbdeb5de3573fac0aecd5a412fc89748ff984bb76170c99881cbda09c3e9dfb8e9d2"
      "085e82cf85c4ef527f2b350a2304c11ad1d526d8bc02a72ffe67c322ba7dcdf69fe2b57bd7f65f949e324034ed9b92e14bff93c6"
      "e8adabafdcafd7f6ef05cc44c214096cab81fee8196654f2252143c234ac3db40f98c505c003ee4ff1663bf0802b5af4f6e6c312"
      "26e1c502b79f452f5c3d9caefdf3b854adbfe02f6cd01b845a6aa3cfaaa131e8da60d0b33e1b6b513bb88da0a3e7e0e3fb96c41f"
      "8b0808053c784de727753e040373";
  Bytes bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2)
    bytes.push_back(static_cast<std::uint8_t>(std::stoul(hex.substr(i, 2), nullptr, 16)));
  for (const std::size_t step : {1u, 7u, 997u, 65'536u})
    EXPECT_NE(drain_memory("gzip", bytes, step).damage.find("cannot be decompressed"), std::string::npos) << step;
}

}  // namespace
}  // namespace tidegauge
