// Where the parts of a compressed file begin that can be decoded on their own.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <span>
#include <system_error>

#include "ingest/source/compression.hpp"
#include "ingest/source/entry_point.hpp"

namespace tidegauge {
namespace {

using Bytes = std::span<const std::uint8_t>;

std::uint32_t little16(const std::uint8_t* p) { return p[0] | static_cast<std::uint32_t>(p[1]) << 8; }

/// A file read here and there. What cannot be read is as if the file ended there.
class RandomFile {
 public:
  static Expected<RandomFile> open(const std::string& path) {
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    RandomFile file(descriptor);
    struct stat info {};
    if (descriptor < 0 || ::fstat(descriptor, &info) != 0) {
      return Error{"cannot open: " + std::generic_category().message(errno), path, ""};
    }
    file.total_ = S_ISREG(info.st_mode) ? static_cast<std::uint64_t>(info.st_size) : 0;
    return file;
  }
  RandomFile(RandomFile&& other) noexcept
      : descriptor_(std::exchange(other.descriptor_, -1)), total_(other.total_) {}
  RandomFile& operator=(RandomFile&&) = delete;
  ~RandomFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

  std::uint64_t total() const { return total_; }  ///< 0 if it is not a regular file
  /// The bytes at `offset`, at most `size` and no more than there are. They last until the next call. Read by
  /// the page, so that a chain of tiny blocks costs no call each.
  Bytes peek(std::uint64_t offset, std::size_t size) {
    if (offset < page_begin_ || offset + size > page_begin_ + page_bytes_) {
      page_begin_ = offset;
      page_bytes_ = read(offset, page_.data(), page_.size());
    }
    const auto skipped = static_cast<std::size_t>(offset - page_begin_);
    return Bytes(page_).subspan(skipped, std::min(size, page_bytes_ - skipped));
  }
  std::size_t read(std::uint64_t offset, std::uint8_t* out, std::size_t size) const {
    std::size_t got = 0;
    while (got < size) {
      const ssize_t bytes = ::pread(descriptor_, out + got, size - got, static_cast<off_t>(offset + got));
      if (bytes < 0 && errno == EINTR) continue;
      if (bytes <= 0) break;
      got += static_cast<std::size_t>(bytes);
    }
    return got;
  }

 private:
  explicit RandomFile(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
  std::uint64_t total_ = 0;
  std::vector<std::uint8_t> page_ = std::vector<std::uint8_t>(4096);
  std::uint64_t page_begin_ = 0;
  std::size_t page_bytes_ = 0;
};

/// Keeps starts that lie far enough apart.
class Starts {
 public:
  explicit Starts(std::uint64_t spacing) : spacing_(std::max<std::uint64_t>(spacing, 1)) {}
  void add(std::uint64_t offset) {
    if (offset >= next_wanted()) found_.input_offsets.push_back(offset);
  }
  std::uint64_t next_wanted() const { return found_.input_offsets.back() + spacing_; }
  void searched() { found_.exact = false; }
  MemberStarts take() { return std::move(found_); }

 private:
  std::uint64_t spacing_;
  MemberStarts found_{{0}, true};
};

/// Bytes of the BGZF block that begins here (SAM specification, section 4.1), 0 if none does: the subfield
/// "BC" of the extra field says. It comes first in what bgzip writes.
constexpr std::size_t kBgzfHead = 18;
std::uint64_t bgzf_block_bytes(Bytes head) {
  constexpr std::uint8_t kFixed[4] = {0x1f, 0x8b, 8, 4};
  if (head.size() < kBgzfHead || !std::equal(kFixed, kFixed + 4, head.begin())) return 0;
  if (little16(&head[10]) < 6 || head[12] != 'B' || head[13] != 'C' || little16(&head[14]) != 2) return 0;
  return little16(&head[16]) + 1;
}

/// Hops from block to block; the offset where that ended: the end of the file, or what is no such block.
std::uint64_t walk_bgzf(RandomFile& file, Starts& starts) {
  std::uint64_t offset = 0;
  for (;;) {
    const std::uint64_t bytes = bgzf_block_bytes(file.peek(offset, kBgzfHead));
    if (bytes == 0) return offset;
    starts.add(offset);
    offset += bytes;
  }
}

/// Searches on from `offset` at the rate of memchr.
void search_members(const RandomFile& file, const Compression& gzip, std::uint64_t offset, Starts& starts) {
  constexpr std::size_t kWindow = std::size_t{1} << 20, kHead = 11;
  std::vector<std::uint8_t> window(kWindow);
  starts.searched();
  for (offset = std::max(offset, starts.next_wanted()); offset < file.total();) {
    const std::size_t got = file.read(offset, window.data(), kWindow);
    if (got < kHead) return;
    const std::uint8_t* const begin = window.data();
    const std::uint8_t* const end = begin + got;
    const std::uint8_t* at = begin;
    const auto found = [&] {
      while (end - at >= static_cast<std::ptrdiff_t>(kHead)) {
        at = static_cast<const std::uint8_t*>(std::memchr(at, 0x1f, static_cast<std::size_t>(end - at)));
        if (!at) return false;
        if (gzip.surely_begins({at, end})) return true;
        ++at;
      }
      return false;
    };
    if (found()) {
      starts.add(offset + static_cast<std::uint64_t>(at - begin));
      offset = starts.next_wanted();
    } else {
      offset += got - (kHead - 1);
    }
  }
}

/// Bytes of the header of the zstd frame that begins here (RFC 8878 section 3.1.1.1), and of its trailing
/// checksum.
struct ZstdFrame {
  std::size_t header = 0;  ///< 0: none begins
  std::size_t checksum = 0;
};
ZstdFrame zstd_frame(Bytes head) {
  constexpr std::uint8_t kMagic[4] = {0x28, 0xb5, 0x2f, 0xfd};
  constexpr std::size_t kDictionaryId[4] = {0, 1, 2, 4}, kContentSize[4] = {0, 2, 4, 8};
  if (head.size() < 6 || !std::equal(kMagic, kMagic + 4, head.begin())) return {};
  const unsigned descriptor = head[4], size_code = descriptor >> 6;
  const bool single_segment = descriptor & 0x20;
  const std::size_t content_size = size_code == 0 && single_segment ? 1 : kContentSize[size_code];
  return {5 + (single_segment ? 0u : 1u) + kDictionaryId[descriptor & 3] + content_size,
          descriptor & 4 ? 4u : 0u};
}

/// The offset behind a frame's blocks and checksum, or nothing if the file ends before.
std::optional<std::uint64_t> zstd_frame_end(RandomFile& file, std::uint64_t offset, ZstdFrame frame) {
  offset += frame.header;
  for (;;) {
    const Bytes head = file.peek(offset, 3);
    if (head.size() < 3) return std::nullopt;
    const std::uint32_t block = little16(head.data()) | static_cast<std::uint32_t>(head[2]) << 16;
    const bool last = block & 1, run_length = (block >> 1 & 3) == 1;
    offset += 3 + (run_length ? 1 : block >> 3);
    if (last) return offset + frame.checksum;
  }
}

void walk_zstd(RandomFile& file, Starts& starts) {
  for (std::uint64_t offset = 0; offset < file.total();) {
    const Bytes head = file.peek(offset, kUnitHeadBytes);
    if (const std::uint64_t skippable = skippable_frame_bytes(head)) {
      offset += skippable;
      continue;
    }
    const ZstdFrame frame = zstd_frame(head);
    if (frame.header == 0) return;
    starts.add(offset);
    const auto end = zstd_frame_end(file, offset, frame);
    if (!end) return;
    offset = *end;
  }
}

}  // namespace

Expected<MemberStarts> find_member_starts(const std::string& path, std::uint64_t spacing_bytes) {
  Starts starts(spacing_bytes);
  if (path == "-") return starts.take();
  auto file = RandomFile::open(path);
  if (!file) return std::move(file).error();
  if (file->total() == 0) return starts.take();
  const Compression* const compression = recognise_compression(file->peek(0, kUnitHeadBytes));
  const std::string name = compression ? compression->name : "";
  if (name == "gzip") {
    const std::uint64_t end = walk_bgzf(*file, starts);
    if (end < file->total()) search_members(*file, *compression, end, starts);
  } else if (name == "zstd") {
    walk_zstd(*file, starts);
  }
  return starts.take();
}

}  // namespace tidegauge
