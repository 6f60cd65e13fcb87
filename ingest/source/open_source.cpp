#include <array>
#include <cstring>
#include <string_view>
#include <utility>

#include "ingest/source/entry_point.hpp"
#include "ingest/source/file_source.hpp"
#include "ingest/source/gzip_source.hpp"

namespace tidegauge {
namespace {

struct Compression {
  std::string_view magic;
  const char* name;
  const char* unpack;
};

// What is known but not read. RFC 8878, the xz and lz4 frame specifications, bzip2's stream header.
constexpr std::array<Compression, 5> kOtherCompressions{{
    {"\x28\xb5\x2f\xfd", "zstd", "zstd -dc"},
    {std::string_view("\xfd"
                      "7zXZ\0",
                      6),
     "xz", "xz -dc"},
    {"BZh", "bzip2", "bzip2 -dc"},
    {"\x04\x22\x4d\x18", "lz4", "lz4 -dc"},
    {"\x1f\x9d", "compress (.Z)", "gzip -dc"},
}};

}  // namespace

Expected<std::unique_ptr<ByteSource>> open_source(const std::string& path) {
  auto file = FileSource::open(path);
  if (!file) return std::move(file).error();
  const std::string_view head(reinterpret_cast<const char*>((*file)->head()), (*file)->head_bytes());
  for (const Compression& other : kOtherCompressions) {
    if (!head.starts_with(other.magic)) continue;
    return Error{std::string(other.name) + "-compressed input is not read yet", path,
                 std::string(other.unpack) + " '" + path + "' into a file, and give that"};
  }
  if (head.starts_with("\x1f\x8b\x08")) {
    return make_gzip_source(std::move(*file));
  }
  return std::unique_ptr<ByteSource>(std::move(*file));
}

Expected<std::unique_ptr<ByteSource>> open_source_at(const std::string& path, const EntryPoint& entry) {
  if (entry.stream_offset == 0) return open_source(path);
  auto file = FileSource::open_at(path, entry.input_offset);  // only plain files give checkpoints
  if (!file) return std::move(file).error();
  return std::unique_ptr<ByteSource>(std::move(*file));
}

}  // namespace tidegauge
