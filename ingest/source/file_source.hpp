// A file (or pipe) as it lies on disk.
// Tested by tests/ingest/byte_source_test.cpp.
#pragma once

#include <memory>
#include <string>

#include "ingest/source/byte_source.hpp"

namespace tidegauge {

/// Reads the file as long as it was when it was opened: what is appended later is left for another run, and a
/// file that became shorter is an error.
class FileSource final : public ByteSource {
 public:
  static Expected<std::unique_ptr<FileSource>> open(const std::string& path);
  /// The same, from byte `offset` of the file on.
  static Expected<std::unique_ptr<FileSource>> open_at(const std::string& path, std::uint64_t offset);
  ~FileSource() override;
  FileSource(const FileSource&) = delete;
  FileSource& operator=(const FileSource&) = delete;

  Expected<std::size_t> read(std::uint8_t* out, std::size_t size) override;
  std::optional<EntryPoint> checkpoint() override;
  std::uint64_t input_done() const override { return done_ - (head_bytes_ - head_taken_); }
  std::uint64_t input_total() const override { return total_; }
  // 128 KiB to 1 MiB are equally fast where the second-level cache is ours; 256 KiB leave half of it to the
  // sink.
  std::size_t block_bytes() const override { return std::size_t{256} << 10; }
  const std::string& damage() const override { return damage_; }

  /// The first bytes of the file (at most 16), which read() will give again.
  const std::uint8_t* head() const { return head_; }
  std::size_t head_bytes() const { return head_bytes_; }

 private:
  FileSource(std::string path, int descriptor, bool regular, std::uint64_t total);
  Expected<std::size_t> read_descriptor(std::uint8_t* out, std::size_t size);

  std::string path_;
  int descriptor_;
  bool regular_;
  std::uint64_t total_;
  std::uint64_t done_ = 0;
  std::uint8_t head_[16] = {};
  std::size_t head_bytes_ = 0, head_taken_ = 0;
  std::string damage_;  // a plain file has none of its own
};

}  // namespace tidegauge
