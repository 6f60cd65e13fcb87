#include "host/fetch/part_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <new>
#include <utility>
#include <vector>

#include "host/output_file.hpp"

namespace tidegauge {

Md5::Md5() : state_(EVP_MD_CTX_new(), [](void* state) { EVP_MD_CTX_free(static_cast<EVP_MD_CTX*>(state)); }) {
  if (!state_) throw std::bad_alloc();
  TG_REQUIRE(EVP_DigestInit_ex(static_cast<EVP_MD_CTX*>(state_.get()), EVP_md5(), nullptr) == 1, "libcrypto has no MD5");
}

void Md5::add(std::string_view bytes) { EVP_DigestUpdate(static_cast<EVP_MD_CTX*>(state_.get()), bytes.data(), bytes.size()); }

std::string Md5::hex() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_DigestFinal_ex(static_cast<EVP_MD_CTX*>(state_.get()), digest.data(), &size);
  std::string text;
  for (unsigned i = 0; i < size; ++i) text += fmt::format("{:02x}", digest[i]);
  return text;
}

PartFile::PartFile(int fd, std::string path, KnownFile known) : fd_(fd), path_(std::move(path)), known_(std::move(known)) {}

PartFile::PartFile(PartFile&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), ours_(std::exchange(other.ours_, false)), path_(std::move(other.path_)),
      known_(std::move(other.known_)), size_(other.size_), total_(other.total_), validator_(std::move(other.validator_)), md5_(std::move(other.md5_)) {}

PartFile::~PartFile() {
  if (ours_ && size_ == 0) drop();
  if (fd_ >= 0) ::close(fd_);
}

Error PartFile::failure() const {
  return {std::string("cannot be written: ") + std::strerror(errno), part(), "check the folder and the space on the disk"};
}

void PartFile::drop() {
  std::remove(tag().c_str());
  std::remove(part().c_str());
}

Expected<PartFile> PartFile::open(const std::string& path, const KnownFile& known) {
  PartFile file(::open((path + ".part").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666), path, known);
  if (file.fd_ < 0) return file.failure();
  if (flock(file.fd_, LOCK_EX | LOCK_NB) != 0)
    return Error{"another run is at work on it", file.part(), "wait for it, or another folder"};
  file.ours_ = true;
  struct stat facts {};
  if (fstat(file.fd_, &facts) != 0) return file.failure();
  std::ifstream tag(file.tag());
  std::string total;
  if (std::getline(tag, total) && std::getline(tag, file.validator_) && !file.validator_.empty()) {
    file.size_ = static_cast<std::uint64_t>(facts.st_size);
    if (total != "?") file.total_ = std::strtoull(total.c_str(), nullptr, 10);
  }
  if (!known.md5.empty()) TG_TRY(file.hash_what_is_there());
  return file;
}

Status PartFile::hash_what_is_there() {
  md5_.emplace();
  std::vector<char> block(1 << 20);
  for (std::uint64_t done = 0; done < size_;) {
    const ssize_t got = ::pread(fd_, block.data(), std::min<std::uint64_t>(block.size(), size_ - done), static_cast<off_t>(done));
    if (got <= 0) return failure();
    md5_->add({block.data(), static_cast<std::size_t>(got)});
    done += static_cast<std::uint64_t>(got);
  }
  return {};
}

Status PartFile::start(const std::string& validator, std::optional<std::uint64_t> total) {
  // In this order: a tag must never stand beside bytes of another file.
  if (ftruncate(fd_, 0) != 0) return failure();
  size_ = 0;
  total_ = total;
  validator_ = validator;
  if (md5_) md5_.emplace();
  return write_whole(tag(), fmt::format("{}\n{}\n", total ? std::to_string(*total) : "?", validator));
}

Status PartFile::append(std::string_view bytes) {
  if (md5_) md5_->add(bytes);
  while (!bytes.empty()) {
    const ssize_t put = ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(size_));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return failure();
    size_ += static_cast<std::uint64_t>(put);
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
  return {};
}

Status PartFile::finish() {
  std::string wrong;
  if (known_.bytes && *known_.bytes != size_) wrong = fmt::format("has {} bytes, the list says {}", size_, *known_.bytes);
  else if (md5_)
    if (const std::string md5 = md5_->hex(); md5 != known_.md5) wrong = fmt::format("has the MD5 {}, the list says {}", md5, known_.md5);
  if (!wrong.empty()) {
    drop();
    return Error{wrong + "; it was dropped", path_, "once more; if it stays so, the list is of another version"};
  }
  if (fsync(fd_) != 0 || std::rename(part().c_str(), path_.c_str()) != 0) return failure();
  ours_ = false;
  std::remove(tag().c_str());
  return {};
}

}  // namespace tidegauge
