// What the tests of sources and walkers share: bytes as a source, a sink that writes everything down, gzip
// members.
#pragma once

#include <gtest/gtest.h>
#include <isa-l/igzip_lib.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "ingest/formats/capture.hpp"
#include "tests/ingest/memory_source.hpp"
#include "tests/oracle/capture_oracle.hpp"
#include "tests/support.hpp"

namespace tidegauge::test {

using oracle::Bytes;

/// Writes down what a walk delivers, in the oracle's words.
struct RecordingSink {
  std::vector<oracle::Record> records;  // packets and refusals of whole records
  std::uint64_t damaged = 0, truncated = 0, skipped_bytes = 0, lost_count = 0;

  TG_INLINE void packet(const PacketView& packet) {
    oracle::Record record;
    record.fate = "packet";
    record.ts_ns = packet.ts_ns;
    record.wire = packet.wire_bytes;
    record.captured = packet.captured_bytes;
    record.link = static_cast<std::uint32_t>(packet.link);
    record.payload.assign(packet.bytes, packet.bytes + packet.captured_bytes);
    records.push_back(std::move(record));
  }
  void refuse(Refusal why, std::uint64_t n, std::uint64_t bytes) {
    skipped_bytes += bytes;
    if (why == Refusal::damaged) {
      damaged += n;
    } else if (why == Refusal::truncated) {
      truncated += n;
    } else {
      oracle::Record record;
      record.fate = std::string(refusal_names[static_cast<std::size_t>(why)]);
      records.insert(records.end(), n, record);
    }
  }
  void lost(std::uint64_t n) { lost_count += n; }
};

struct Walk : RecordingSink {
  std::string error, damage, format;
  ErrorKind kind = ErrorKind::failed;
  bool ok() const { return error.empty(); }
};

inline Walk walk_from(ByteSource& source, bool strict = false, std::size_t block_bytes = 0) {
  Walk walk;
  WalkOptions options;
  options.strict = strict;
  const auto result = walk_source("test", source, walk, options, block_bytes);
  if (result) {
    walk.damage = result->damage;
    walk.format = result->format;
  } else {
    walk.error = result.error().message();
    walk.kind = result.error().kind;
  }
  return walk;
}

inline Walk walk_bytes(const Bytes& bytes, bool strict = false, std::size_t block_bytes = 0) {
  MemorySource source(bytes.data(), bytes.size());
  return walk_from(source, strict, block_bytes);
}

inline Walk walk_file(const fs::path& path, bool strict = false) {
  auto source = open_source(path.string());
  if (source) return walk_from(**source, strict);
  Walk walk;
  walk.error = source.error().message();
  return walk;
}

inline Bytes read_bytes(const fs::path& path) {
  const std::string text = read_text(path);
  return Bytes(text.begin(), text.end());
}

inline void write_bytes(const fs::path& path, const Bytes& bytes) {
  write_text(path, std::string(bytes.begin(), bytes.end()));
}

inline void append(Bytes& to, const Bytes& more) { to.insert(to.end(), more.begin(), more.end()); }

inline Bytes prefix(const Bytes& bytes, std::size_t size) {
  return Bytes(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
}

/// One gzip member.
inline Bytes gzip_member(const Bytes& content) {
  Bytes out(content.size() * 2 + 512);
  Bytes work(ISAL_DEF_LVL1_DEFAULT);
  isal_zstream stream{};
  isal_deflate_stateless_init(&stream);
  Bytes in = content;
  stream.level = 1;
  stream.level_buf = work.data();
  stream.level_buf_size = static_cast<std::uint32_t>(work.size());
  stream.gzip_flag = IGZIP_GZIP;
  stream.end_of_stream = 1;
  stream.next_in = in.data();
  stream.avail_in = static_cast<std::uint32_t>(in.size());
  stream.next_out = out.data();
  stream.avail_out = static_cast<std::uint32_t>(out.size());
  if (isal_deflate_stateless(&stream) != COMP_OK) ADD_FAILURE() << "cannot make a gzip member";
  out.resize(stream.total_out);
  return out;
}

/// Says in a few words where two lists of records differ; empty if they do not.
inline std::string difference(const std::vector<oracle::Record>& got,
                              const std::vector<oracle::Record>& wanted) {
  for (std::size_t i = 0; i < std::min(got.size(), wanted.size()); ++i) {
    if (got[i] == wanted[i]) continue;
    const auto words = [](const oracle::Record& r) {
      return r.fate + " ts " + std::to_string(r.ts_ns) + " wire " + std::to_string(r.wire) + " captured " +
             std::to_string(r.captured) + " link " + std::to_string(r.link);
    };
    return "record " + std::to_string(i) + ": got " + words(got[i]) + ", wanted " + words(wanted[i]);
  }
  if (got.size() == wanted.size()) return {};
  return "got " + std::to_string(got.size()) + " records, wanted " + std::to_string(wanted.size());
}

}  // namespace tidegauge::test
