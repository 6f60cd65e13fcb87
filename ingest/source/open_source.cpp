#include <utility>

#include "ingest/source/byte_source.hpp"
#include "ingest/source/compression.hpp"
#include "ingest/source/decompressing_source.hpp"
#include "ingest/source/file_source.hpp"

namespace tidegauge {
namespace {

std::span<const std::uint8_t> head_of(const FileSource& file) { return {file.head(), file.head_bytes()}; }

/// A file may begin with a skippable frame longer than its head: what it belongs to, zstd or lz4, is seen
/// behind it.
const Compression* recognise(const FileSource& file, const std::string& path) {
  const Compression* const seen = recognise_compression(head_of(file));
  std::uint64_t skip = skippable_frame_bytes(head_of(file));
  for (int frames = 0; skip != 0 && frames < 16; ++frames) {
    const auto later = FileSource::open(path, skip);
    if (!later) break;  // a pipe, or the end
    const std::uint64_t more = skippable_frame_bytes(head_of(**later));
    if (more == 0) {
      const Compression* const behind = recognise_compression(head_of(**later));
      return behind ? behind : seen;
    }
    skip += more;
  }
  return seen;
}

Error not_read(const Compression& compression, const std::string& path) {
  return Error{std::string(compression.name) + "-compressed input is not read", path,
               std::string(compression.unpack) + " '" + path + "' into a file, and give that"};
}

}  // namespace

namespace {

Expected<std::unique_ptr<ByteSource>> open_beginning(const std::string& path, const FollowOptions* follow) {
  auto file = FileSource::open(path, 0, follow);
  if (!file) return std::move(file).error();
  const Compression* const compression = recognise(**file, path);
  if (!compression) return std::unique_ptr<ByteSource>(std::move(*file));
  if (!compression->make_decoder) return not_read(*compression, path);
  return decompress(std::move(*file), *compression, path);
}

}  // namespace

Expected<std::unique_ptr<ByteSource>> open_source(const std::string& path) { return open_beginning(path, nullptr); }

Expected<std::unique_ptr<ByteSource>> open_followed(const std::string& path, const FollowOptions& follow) {
  return open_beginning(path, &follow);
}

Expected<std::unique_ptr<ByteSource>> open_source_at(const std::string& path, const EntryPoint& at) {
  if (at.input_offset == 0 && at.state.empty()) return open_source(path);
  auto first = FileSource::open(path);  // what it is, is seen at its beginning
  if (!first) return std::move(first).error();
  const Compression* const compression = recognise(**first, path);
  auto file = FileSource::open(path, at.input_offset);
  if (!file) return std::move(file).error();
  const std::string where = path + ", byte " + std::to_string(at.input_offset);
  if (!compression) {
    if (!at.state.empty()) return Error{"is not compressed, so no decoder state belongs to it", where, ""};
    return std::unique_ptr<ByteSource>(std::move(*file));
  }
  if (!compression->make_decoder) return not_read(*compression, path);
  if (at.state.empty() && !compression->begins(head_of(**file))) {
    return Error{std::string("no ") + compression->name + " " + compression->unit + " begins here", where,
                 "begin at the beginning"};
  }
  return decompress_at(std::move(*file), *compression, at, where);
}

}  // namespace tidegauge
