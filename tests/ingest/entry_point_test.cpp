// Beginning in the middle: at every place a source says one can, with states that are damaged or made up, and
// where members begin.
#include "ingest/source/entry_point.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <string>

#include "ingest/source/gzip_state.hpp"
#include "tests/ingest/gzip_support.hpp"

namespace tidegauge {
namespace {

using namespace test;

/// One member at a level of ISA-L's streaming compressor, flushed every 50,000 bytes.
Bytes isal_member(const Bytes& content, std::uint32_t level, int flush) {
  Bytes work(ISAL_DEF_LVL3_DEFAULT), in = content, out(content.size() * 2 + 1000);
  isal_zstream stream{};
  isal_deflate_init(&stream);
  stream.level = level;
  stream.level_buf = work.data();
  stream.level_buf_size = static_cast<std::uint32_t>(work.size());
  stream.gzip_flag = IGZIP_GZIP;
  stream.next_out = out.data();
  stream.avail_out = static_cast<std::uint32_t>(out.size());
  for (std::size_t at = 0, part = 50'000; at < in.size() || at == 0; at += part) {
    stream.next_in = in.data() + at;
    stream.avail_in = static_cast<std::uint32_t>(std::min(part, in.size() - at));
    stream.end_of_stream = at + part >= in.size();
    stream.flush = static_cast<std::uint16_t>(flush);
    EXPECT_EQ(isal_deflate(&stream), COMP_OK);
  }
  out.resize(stream.total_out);
  return out;
}

/// Text, noise, runs: every kind of deflate block.
Bytes mixture(std::mt19937& random, std::size_t size) {
  Bytes bytes;
  while (bytes.size() < size) {
    const std::size_t part = random() % 60'000;
    switch (random() % 4) {
      case 0:
        append(bytes, noise(random, part));
        break;
      case 1:
        append(bytes, Bytes(part, static_cast<std::uint8_t>(random())));
        break;
      case 2:
        append(bytes, text_like(random, part));
        break;
      default:
        for (std::size_t i = 0; i < part; ++i) {
          bytes.push_back(bytes.size() < 40'000 ? static_cast<std::uint8_t>(i)
                                                : bytes[bytes.size() - 29'000 - i % 7]);
        }
    }
  }
  bytes.resize(size);
  return bytes;
}

/// Reads `path` by `step`, takes a checkpoint after each read, and reads on from some of them.
void expect_every_checkpoint_leads_on(const std::string& path, const Bytes& content, std::size_t step,
                                      std::size_t every, std::size_t at_least) {
  auto source = open_source(path);
  ASSERT_TRUE(source);
  Bytes block(step);
  std::size_t taken = 0, followed = 0;
  for (std::uint64_t at = 0;; ++taken) {
    const auto entry = (*source)->checkpoint();
    if (entry && taken % every == 0) {
      EXPECT_EQ(entry->stream_offset, at);
      auto later = open_source_at(path, *entry);
      ASSERT_TRUE(later) << later.error().message() << " at " << at;
      const Drained rest = drain(**later, 100'000);
      EXPECT_EQ(rest.damage, "") << at;
      ASSERT_TRUE(std::equal(rest.bytes.begin(), rest.bytes.end(),
                             content.begin() + static_cast<std::ptrdiff_t>(at), content.end()))
          << path << " from " << at << ", " << rest.bytes.size();
      ++followed;
    }
    const auto got = (*source)->read(block.data(), step);
    ASSERT_TRUE(got);
    at += *got;
    if (*got < step) break;
  }
  EXPECT_GE(followed, at_least) << path << " by " << step << ", " << taken;
}

TEST(EntryPoint, EveryCheckpointLeadsOn) {
  ScratchFolder scratch;
  constexpr unsigned kSeed = 11;
  std::mt19937 random(kSeed);
  const Bytes content = mixture(random, 1'000'000), small = prefix(content, 60'000);
  const std::string plain = (scratch / "plain").string();
  write_bytes(plain, content);
  expect_every_checkpoint_leads_on(plain, content, 10'000, 7, 10);
  int file = 0;
  for (std::uint32_t level : {0u, 1u, 3u}) {
    for (int flush : {NO_FLUSH, SYNC_FLUSH, FULL_FLUSH}) {
      const std::string path = (scratch / std::to_string(++file)).string();
      write_bytes(path, isal_member(content, level, flush));
      expect_every_checkpoint_leads_on(path, content, 997, 29, 30);
      expect_every_checkpoint_leads_on(path, content, 65'536, 3, 5);
      expect_every_checkpoint_leads_on(path, content, 262'144, 1, 3);
    }
  }
  const std::string short_one = (scratch / "short").string();
  write_bytes(short_one, isal_member(small, 1, NO_FLUSH));
  expect_every_checkpoint_leads_on(short_one, small, 13, 101, 40);
  const std::string members = (scratch / "members").string();
  Bytes compressed, both = content;
  append(compressed, isal_member(content, 1, NO_FLUSH));
  append(compressed, isal_member(small, 1, NO_FLUSH));
  append(both, small);
  write_bytes(members, compressed);
  expect_every_checkpoint_leads_on(members, both, 10'000, 5, 15);
}

TEST(EntryPoint, ALaterMemberIsNamedAsFromTheBeginning) {
  ScratchFolder scratch;
  std::mt19937 random(12);
  const Bytes content = text_like(random, 400'000);
  Bytes compressed = gzip_member(content);
  append(compressed, gzip_member(content));
  compressed.resize(compressed.size() - 3);
  const std::string path = (scratch / "f").string();
  write_bytes(path, compressed);
  auto source = open_source(path);
  ASSERT_TRUE(source);
  Bytes block(500'000);
  ASSERT_TRUE((*source)->read(block.data(), block.size()));
  const auto entry = (*source)->checkpoint();
  ASSERT_TRUE(entry);
  auto later = open_source_at(path, *entry);
  ASSERT_TRUE(later);
  const std::string damage = drain(**later, 4096).damage;
  EXPECT_EQ(damage, drain(**source, 4096).damage);
  EXPECT_NE(damage.find(" is cut off"), std::string::npos) << damage;
}

struct SavedState {
  ScratchFolder scratch;
  std::string path = (scratch / "f").string();
  Bytes content;
  EntryPoint entry;

  explicit SavedState(std::size_t read_first = 300'000) {
    std::mt19937 random(13);
    content = mixture(random, 900'000);
    write_bytes(path, isal_member(content, 1, NO_FLUSH));
    auto source = open_source(path);
    Bytes block(read_first);
    EXPECT_TRUE((*source)->read(block.data(), block.size()));
    entry = (*source)->checkpoint().value();
  }
  static constexpr std::size_t kPosition = 8;  // what the source puts before the decoder's state
};

TEST(EntryPoint, DamagedStatesAreRefusedInWords) {
  SavedState saved;
  ASSERT_GT(saved.entry.state.size(), 1000u);
  for (std::size_t size = 1; size < saved.entry.state.size(); size += size < 100 ? 1 : 997) {
    EntryPoint cut = saved.entry;
    cut.state.resize(size);
    EXPECT_FALSE(open_source_at(saved.path, cut)) << size;
  }
  std::mt19937 random(14);
  for (std::size_t at = SavedState::kPosition; at < saved.entry.state.size(); at += at < 100 ? 1 : 97) {
    EntryPoint flipped = saved.entry;
    flipped.state[at] ^= static_cast<std::uint8_t>(1u << (random() % 8));
    const auto source = open_source_at(saved.path, flipped);
    ASSERT_FALSE(source) << at;
    EXPECT_FALSE(source.error().what.empty());
  }
  EntryPoint other_version = saved.entry;
  other_version.state[SavedState::kPosition] ^= 1;
  const auto source = open_source_at(saved.path, other_version);
  ASSERT_FALSE(source);
  EXPECT_NE(source.error().what.find("another version of ISA-L"), std::string::npos)
      << source.error().message();
}

// States with a right checksum whose fields were changed: refused, or gone on from without a fault of ours.
TEST(EntryPoint, MadeUpStatesNeverCrash) {
  constexpr unsigned kSeed = 15;
  std::mt19937 random(kSeed);
  for (const std::size_t read_first : {100u, 70'000u, 300'000u, 655'360u}) {
    SavedState saved(read_first);
    const auto packed = std::span(saved.entry.state).subspan(SavedState::kPosition);
    const auto fields = detail::unpack_gzip_state(packed);
    ASSERT_TRUE(fields);
    int refused = 0, taken = 0;
    for (int round = 0; round < 1000; ++round) {
      Bytes changed = *fields;
      for (auto left = 1 + random() % 3; left != 0; --left) {
        // Mostly the scalars and the tables at the end; values at the limits as often as any.
        const std::size_t at =
            random() % 4 == 0 ? random() % changed.size()
            : random() % 2 == 0
                ? random() % 48
                : changed.size() - 1 - random() % std::min<std::size_t>(22'000, changed.size());
        static constexpr std::uint8_t kEdges[] = {0, 1, 0x7f, 0x80, 0xff};
        changed[at] = random() % 2 ? kEdges[random() % 5] : static_cast<std::uint8_t>(random());
      }
      if (round % 50 == 0) changed.resize(random() % changed.size());
      EntryPoint entry = saved.entry;
      entry.state.resize(SavedState::kPosition);
      append(entry.state, detail::pack_gzip_state(changed));
      auto source = open_source_at(saved.path, entry);
      if (!source) {
        ++refused;
        continue;
      }
      ++taken;
      Bytes block(50'000);
      for (int reads = 0; reads < 4; ++reads) {
        const auto got = (*source)->read(block.data(), block.size());
        ASSERT_TRUE(got);
        if (*got < block.size()) break;
      }
    }
    EXPECT_GT(refused, 100) << "seed " << kSeed;
    EXPECT_GT(taken, 100) << "seed " << kSeed;
  }
}

TEST(EntryPoint, WhereNothingBeginsIsAnError) {
  ScratchFolder scratch;
  std::mt19937 random(16);
  const std::string path = (scratch / "f").string();
  for (const Compressor& compressor : kCompressors) {
    const Bytes unit = compressor.compress(text_like(random, 5000));
    Bytes two = unit;
    append(two, unit);
    write_bytes(path, two);
    EXPECT_TRUE(open_source_at(path, {0, unit.size(), {}})) << compressor.name;
    const auto between = open_source_at(path, {0, unit.size() - 20, {}});
    ASSERT_FALSE(between);
    const std::string wanted = std::string("no ") + compressor.name + " " + compressor.unit + " begins here";
    EXPECT_NE(between.error().what.find(wanted), std::string::npos) << between.error().message();
    EXPECT_FALSE(open_source_at(path, {0, 1'000'000, {}})) << compressor.name;
    // A state that another format's decoder would not know.
    EXPECT_FALSE(open_source_at(path, {0, 30, Bytes(100, 1)})) << compressor.name;
  }
}

TEST(EntryPoint, OtherFormatsHaveOneAtEachUnit) {
  ScratchFolder scratch;
  std::mt19937 random(17);
  const Bytes a = text_like(random, 5000), b = text_like(random, 3000);
  for (const Compressor& compressor : kCompressors) {
    Bytes two = compressor.compress(a);
    append(two, compressor.compress(b));
    const std::string path = (scratch / compressor.name).string();
    write_bytes(path, two);
    auto source = open_source(path);
    ASSERT_TRUE(source);
    (*source)->stop_before(compressor.compress(a).size());
    Bytes block(100'000);
    EXPECT_EQ((*source)->read(block.data(), block.size()).value(), a.size());
    const auto entry = (*source)->checkpoint();
    ASSERT_TRUE(entry) << compressor.name;
    EXPECT_EQ(entry->stream_offset, a.size());
    EXPECT_TRUE(entry->state.empty());
    auto later = open_source_at(path, *entry);
    ASSERT_TRUE(later);
    EXPECT_TRUE(drain(**later, 100).bytes == b);
  }
}

TEST(Stop, ReadsEndShortWhereAUnitBegins) {
  ScratchFolder scratch;
  std::mt19937 random(18);
  const Bytes a = text_like(random, 40'000), b = text_like(random, 30'000);
  for (const Compressor& compressor : kCompressors) {
    const std::size_t boundary = compressor.compress(a).size();
    Bytes two = compressor.compress(a), both = a;
    append(two, compressor.compress(b));
    append(both, b);
    const std::string path = (scratch / compressor.name).string();
    write_bytes(path, two);
    for (std::size_t step : {100u, 40'000u, 41'000u, 1'000'000u}) {
      for (const std::size_t stop : {boundary, boundary - 1, boundary / 2, boundary + 1, two.size() + 5}) {
        auto source = open_source(path);
        ASSERT_TRUE(source);
        (*source)->stop_before(stop);
        Bytes all, block(step);
        std::size_t short_at = 0, shorts = 0;
        for (;;) {
          const std::size_t got = (*source)->read(block.data(), step).value();
          all.insert(all.end(), block.begin(), block.begin() + static_cast<std::ptrdiff_t>(got));
          if (got == step) continue;
          if (++shorts == 1) short_at = all.size();
          if (shorts == 1 && (*source)->reached_stop()) continue;
          break;
        }
        const std::string where =
            std::string(compressor.name) + " " + std::to_string(stop) + " by " + std::to_string(step);
        EXPECT_TRUE(all == both) << where;
        EXPECT_EQ((*source)->reached_stop(), stop == boundary) << where;
        EXPECT_EQ((*source)->passed_stop(), stop != boundary && stop < two.size() - 8) << where;
        EXPECT_EQ(short_at, stop == boundary ? a.size() : both.size()) << where;
      }
    }
  }
  const std::string plain = (scratch / "plain").string();
  write_bytes(plain, a);
  for (const std::size_t stop : {0u, 5u, 100u, 39'999u}) {
    auto source = open_source(plain);
    ASSERT_TRUE(source);
    (*source)->stop_before(stop);
    Bytes block(50'000);
    EXPECT_EQ((*source)->read(block.data(), block.size()).value(), stop);
    EXPECT_TRUE((*source)->reached_stop());
    EXPECT_EQ((*source)->read(block.data(), block.size()).value(), a.size() - stop);
  }
}

struct Made {
  Bytes bytes, content;
  std::vector<std::uint64_t> begins;
  void add(const Bytes& unit, const Bytes& its_content) {
    begins.push_back(bytes.size());
    append(bytes, unit);
    append(content, its_content);
  }
};

/// Those of `begins` that a walk keeps.
std::vector<std::uint64_t> spaced(const std::vector<std::uint64_t>& begins, std::uint64_t spacing) {
  std::vector<std::uint64_t> kept{0};
  for (const std::uint64_t begin : begins) {
    if (begin >= kept.back() + spacing) kept.push_back(begin);
  }
  return kept;
}

TEST(MemberStarts, OfEveryFormat) {
  ScratchFolder scratch;
  std::mt19937 random(19);
  Made bgzf, gzip, zstd;
  for (int i = 0; i < 60; ++i) {
    const Bytes content = text_like(random, 1 + random() % 50'000);
    bgzf.add(bgzf_block(content), content);
    gzip.add(gzip_member(content), content);
    zstd.add(zstd_frame(content), content);
    if (i % 7 == 0) append(zstd.bytes, {0x50, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 9, 9});
  }
  bgzf.add(bgzf_block({}), {});
  const struct {
    const char* name;
    const Made& made;
    bool exact;
  } rows[] = {{"bgzf", bgzf, true}, {"gzip", gzip, false}, {"zstd", zstd, true}};
  for (const auto& row : rows) {
    const std::string path = (scratch / row.name).string();
    write_bytes(path, row.made.bytes);
    for (const std::uint64_t spacing : {1u, 30'000u, 200'000u, 100'000'000u}) {
      const auto starts = find_member_starts(path, spacing);
      ASSERT_TRUE(starts);
      EXPECT_EQ(starts->exact, row.exact) << row.name;
      EXPECT_EQ(starts->input_offsets, spaced(row.made.begins, spacing)) << row.name << " " << spacing;
    }
    // What the pieces give, one after the other, is the whole.
    const auto starts = find_member_starts(path, 100'000);
    ASSERT_TRUE(starts);
    Bytes all;
    for (std::size_t i = 0; i < starts->input_offsets.size(); ++i) {
      auto source = open_source_at(path, {0, starts->input_offsets[i], {}});
      ASSERT_TRUE(source) << source.error().message();
      const bool last = i + 1 == starts->input_offsets.size();
      if (!last) (*source)->stop_before(starts->input_offsets[i + 1]);
      append(all, drain(**source, 10'000'000).bytes);
      EXPECT_EQ((*source)->reached_stop(), !last);
    }
    EXPECT_TRUE(all == row.made.content) << row.name;
  }
}

TEST(MemberStarts, OfFilesWithOnePart) {
  ScratchFolder scratch;
  std::mt19937 random(20);
  const std::string path = (scratch / "f").string();
  const Bytes content = noise(random, 400'000);
  const std::vector<std::uint64_t> wanted{0};
  for (const Compressor& compressor : kCompressors) {
    write_bytes(path, compressor.compress(content));
    const auto starts = find_member_starts(path, 1000);
    ASSERT_TRUE(starts);
    EXPECT_EQ(starts->input_offsets, wanted) << compressor.name;
  }
  write_bytes(path, content);
  EXPECT_EQ(find_member_starts(path, 1000)->input_offsets, wanted);
  write_bytes(path, {});
  EXPECT_EQ(find_member_starts(path, 1000)->input_offsets, wanted);
  EXPECT_FALSE(find_member_starts((scratch / "missing").string(), 1000));
}

// Chains that are cut or lead out of the file, and any bytes behind a magic: an end, and ascending offsets.
TEST(MemberStarts, OfDamagedFiles) {
  ScratchFolder scratch;
  constexpr unsigned kSeed = 21;
  std::mt19937 random(kSeed);
  const std::string path = (scratch / "f").string();
  Bytes good;
  for (int i = 0; i < 5; ++i)
    append(good, i % 2 ? zstd_frame(text_like(random, 3000)) : bgzf_block(text_like(random, 3000)));
  Bytes frames;
  for (int i = 0; i < 5; ++i) append(frames, zstd_frame(text_like(random, 3000)));
  for (int round = 0; round < 600; ++round) {
    Bytes bytes = round % 2 ? good : frames;
    for (int change = 0; change < 4; ++change)
      bytes[4 + random() % (bytes.size() - 4)] = static_cast<std::uint8_t>(random());
    bytes.resize(4 + random() % bytes.size());
    write_bytes(path, bytes);
    const auto starts = find_member_starts(path, 1 + random() % 100);
    ASSERT_TRUE(starts);
    ASSERT_EQ(starts->input_offsets.front(), 0u);
    EXPECT_TRUE(std::ranges::is_sorted(starts->input_offsets)) << "seed " << kSeed;
    EXPECT_LT(starts->input_offsets.back(), bytes.size());
  }
}

}  // namespace
}  // namespace tidegauge
