// A download that is not whole yet: NAME.part, and beside it NAME.part.tag, which says what the bytes belong to. The name
// itself appears only when the file is whole. A killed run leaves both, and the next one goes on from them.
// Thread safety: one owner; other processes are kept out by a lock. Tested by tests/host/fetch_part_file_test.cpp.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "kernels/core/status.hpp"

namespace tidegauge {

/// MD5 of what is added to it, for lists that give it. It guards against accidents of a transfer, not against malice.
class Md5 {
 public:
  Md5();
  void add(std::string_view bytes);
  std::string hex();  ///< 32 lower-case digits; nothing can be added afterwards

 private:
  std::shared_ptr<void> state_;
};

/// What a list says of a file.
struct KnownFile {
  std::optional<std::uint64_t> bytes{};
  std::string md5{};  ///< lower case; empty if not known
};

class PartFile {
 public:
  /// Opens or creates `path`.part. An error where it cannot be, or where another run is at work on it.
  static Expected<PartFile> open(const std::string& path, const KnownFile& known);
  PartFile(PartFile&& other) noexcept;
  PartFile& operator=(PartFile&&) = delete;
  ~PartFile();  ///< what is there stays; where nothing is, no file does

  std::uint64_t size() const { return size_; }
  /// The size that the server told when these bytes began; nothing if it told none.
  std::optional<std::uint64_t> total() const { return total_; }
  /// For If-Range: a strong ETag or a date. Empty where the bytes cannot be gone on from.
  const std::string& validator() const { return validator_; }

  /// Drops what is there: other bytes come.
  Status start(const std::string& validator, std::optional<std::uint64_t> total);
  Status append(std::string_view bytes);

  /// Gives the file its name if it is all that the list says, else drops it. The caller knows that no more bytes come.
  Status finish();

 private:
  PartFile(int fd, std::string path, KnownFile known);
  std::string part() const { return path_ + ".part"; }
  std::string tag() const { return path_ + ".part.tag"; }
  Error failure() const;
  void drop();
  Status hash_what_is_there();

  int fd_;
  bool ours_ = false;  ///< locked, and not named yet
  std::string path_;
  KnownFile known_;
  std::uint64_t size_ = 0;
  std::optional<std::uint64_t> total_;
  std::string validator_;
  std::optional<Md5> md5_;
};

}  // namespace tidegauge
