#define XXH_INLINE_ALL
#include "ingest/source/fingerprint.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace tidegauge {
namespace {

constexpr std::uint64_t kBlockBytes = 64 << 10;
constexpr std::uint64_t kMostBlocks = 32;

std::uint64_t blocks_in(std::uint64_t size) { return (size + kBlockBytes - 1) / kBlockBytes; }
std::uint64_t sampled(std::uint64_t blocks, std::uint64_t stride) { return (blocks + stride - 1) / stride; }

std::uint64_t hash_of(const std::vector<std::uint8_t>& bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

Fingerprint combine(std::uint64_t size, std::vector<std::uint64_t> hashes, const std::vector<std::uint8_t>& tail) {
  hashes.push_back(hash_of(tail));
  return {size, XXH3_64bits_withSeed(hashes.data(), hashes.size() * sizeof hashes[0], size)};
}

class InputFile {
 public:
  /// Not blocking: a pipe without a writer is refused at once instead of being waited for.
  explicit InputFile(const std::string& path) : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}
  ~InputFile() { if (fd_ >= 0) ::close(fd_); }
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;
  int fd() const { return fd_; }

 private:
  int fd_;
};

/// Reads all of `block` at `offset`; false on an error or if the file ends before.
bool read_block(int fd, std::vector<std::uint8_t>& block, std::uint64_t offset) {
  std::size_t done = 0;
  while (done < block.size()) {
    const ssize_t n = ::pread(fd, block.data() + done, block.size() - done, static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n == 0) errno = ESTALE;
    if (n <= 0) return false;
    done += static_cast<std::size_t>(n);
  }
  return true;
}

/// Its size, or why it is none that can be read as an input.
Expected<std::uint64_t> size_of(const InputFile& file, const std::string& path) {
  struct stat status {};
  if (file.fd() < 0 || fstat(file.fd(), &status) != 0)
    return Error{std::string("cannot be read: ") + std::strerror(errno), path, "check the path and its permissions"};
  if (S_ISDIR(status.st_mode)) return Error{"this is a folder", path, "name the files in it, such as FOLDER/*.pcap.gz"};
  if (!S_ISREG(status.st_mode))
    return Error{"not a regular file, so it cannot be told whether it is in already", path, "save it to a file first"};
  return static_cast<std::uint64_t>(status.st_size);
}

}  // namespace

std::string Fingerprint::text() const {
  char words[48];
  std::snprintf(words, sizeof words, "%llu-%016llx", static_cast<unsigned long long>(size),
                static_cast<unsigned long long>(hash));
  return words;
}

Status check_input_file(const std::string& path) {
  auto size = size_of(InputFile(path), path);
  if (!size) return std::move(size).error();
  return {};
}

Expected<Fingerprint> fingerprint_file(const std::string& path) {
  const InputFile file(path);
  const auto known_size = size_of(file, path);
  if (!known_size) return known_size.error();
  const std::uint64_t size = *known_size;
  std::uint64_t stride = 1;
  while (sampled(blocks_in(size), stride) > kMostBlocks) stride *= 2;
  std::vector<std::uint8_t> block;
  const auto sample = [&](std::uint64_t offset) {
    block.resize(static_cast<std::size_t>(std::min(kBlockBytes, size - offset)));
    return read_block(file.fd(), block, offset);
  };
  const Error unreadable{"cannot be read to its end", path, "check the disk, or copy the file anew"};
  std::vector<std::uint64_t> hashes;
  for (std::uint64_t at = 0; at < size; at += stride * kBlockBytes) {
    if (!sample(at)) return unreadable;
    hashes.push_back(hash_of(block));
  }
  if (!sample(size - std::min(size, kBlockBytes))) return unreadable;
  return combine(size, std::move(hashes), block);
}

void StreamFingerprint::add(const std::uint8_t* bytes, std::size_t size) {
  keep_tail(bytes, size);
  while (size != 0) {
    const std::uint64_t block = size_ / kBlockBytes, room = kBlockBytes - size_ % kBlockBytes;
    const auto taken = static_cast<std::size_t>(std::min<std::uint64_t>(size, room));
    if (block % stride_ == 0) block_.insert(block_.end(), bytes, bytes + taken);
    bytes += taken;
    size -= taken;
    size_ += taken;
    if (size_ % kBlockBytes == 0) end_block();
  }
}

/// Takes the hash of the block that is complete, and thins the samples out where the next block makes them too many.
void StreamFingerprint::end_block() {
  if (!block_.empty()) hashes_.push_back(hash_of(block_));
  block_.clear();
  if (sampled(size_ / kBlockBytes + 1, stride_) <= kMostBlocks) return;
  stride_ *= 2;
  for (std::size_t i = 1; 2 * i < hashes_.size(); ++i) hashes_[i] = hashes_[2 * i];
  hashes_.resize((hashes_.size() + 1) / 2);
}

void StreamFingerprint::keep_tail(const std::uint8_t* bytes, std::size_t size) {
  if (size >= kBlockBytes) {
    tail_.assign(bytes + size - kBlockBytes, bytes + size);
    return;
  }
  const std::size_t kept = std::min<std::size_t>(tail_.size(), kBlockBytes - size);
  tail_.erase(tail_.begin(), tail_.end() - static_cast<std::ptrdiff_t>(kept));
  tail_.insert(tail_.end(), bytes, bytes + size);
}

Fingerprint StreamFingerprint::value() const {
  std::vector<std::uint64_t> hashes = hashes_;
  if (!block_.empty()) hashes.push_back(hash_of(block_));
  return combine(size_, std::move(hashes), tail_);
}

}  // namespace tidegauge
