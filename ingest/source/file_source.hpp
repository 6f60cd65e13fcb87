// A file, a pipe or standard input as it is.
// Tested by tests/ingest/byte_source_test.cpp.
#pragma once

#include <memory>
#include <string>

#include "ingest/source/byte_source.hpp"
#include "ingest/source/growing_file.hpp"
#include "ingest/source/stop_mark.hpp"
#include "kernels/core/stopwatch.hpp"

namespace tidegauge {

/// Reads the file as long as it was when it was opened: what is appended later is left for another run, and a
/// file that became shorter is an error. A file that is followed is read like a pipe, of which it is not known how long it
/// will be: until it is whole (growing_file.hpp).
class FileSource final : public ByteSource {
 public:
  /// "-" is standard input. `offset` is where to begin; only a file can be begun behind its first byte.
  static Expected<std::unique_ptr<FileSource>> open(const std::string& path, std::uint64_t offset = 0,
                                                    const FollowOptions* follow = nullptr);
  ~FileSource() override;
  FileSource(const FileSource&) = delete;
  FileSource& operator=(const FileSource&) = delete;

  Expected<std::size_t> read(std::uint8_t* out, std::size_t size) override;
  std::uint64_t input_done() const override { return done_ - (head_bytes_ - head_taken_); }
  std::uint64_t input_total() const override { return total_; }
  // Out of the page cache 1 MiB and 2 MiB are the fastest: 256 KiB count a tenth slower on Zen 4, 8 MiB as well.
  std::size_t block_bytes() const override { return std::size_t{1} << 20; }
  SourceSeconds seconds() const override { return {reading_.seconds(), 0}; }
  Fingerprint fingerprint() const override { return passing_ ? passing_->value() : Fingerprint{}; }
  std::optional<EntryPoint> checkpoint() const override;
  void stop_before(std::uint64_t input_offset) override { stop_.arm(input_offset); }
  bool reached_stop() const override { return stop_.reached(); }
  bool passed_stop() const override { return stop_.passed(); }

  /// The first bytes (at most 16), which read() will give again.
  const std::uint8_t* head() const { return head_; }
  std::size_t head_bytes() const { return head_bytes_; }

 private:
  FileSource(std::string path, int descriptor);
  Status begin(std::uint64_t offset, const FollowOptions* follow);
  Expected<std::size_t> read_descriptor(std::uint8_t* out, std::size_t size);

  std::string path_;
  int descriptor_;
  bool regular_ = false;
  std::optional<GrowingFile> growing_;
  std::uint64_t total_ = 0;  ///< 0 where it is not known
  std::uint64_t done_ = 0;
  Stopwatch reading_;
  std::optional<StreamFingerprint> passing_;  ///< of what is read like a pipe, and of standard input
  std::uint8_t head_[16] = {};
  std::size_t head_bytes_ = 0, head_taken_ = 0;
  StopMark stop_;
};

}  // namespace tidegauge
