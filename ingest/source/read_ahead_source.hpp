// Reads another source ahead in a thread of its own, so that inflating and parsing overlap.
//
// A ring of buffers goes round between the two threads; each carries what the source said when it was filled,
// so that every answer belongs to the bytes that the reader has taken. Cost: one copy of each byte, one
// hand-over per buffer. Memory: the buffers. The thread starts with the first read(). Tested by
// tests/ingest/read_ahead_test.cpp, under the thread sanitizer.
#pragma once

#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "ingest/source/byte_source.hpp"

namespace tidegauge {

struct ReadAheadOptions {
  std::size_t buffers = 4;
  std::size_t buffer_bytes = std::size_t{1} << 20;
  /// Bytes of the stream between the entry points that are remembered for checkpoint(). 0: none are, which is
  /// cheapest (one of gzip costs about a millisecond).
  std::uint64_t checkpoint_every_bytes = 0;
};

class ReadAheadSource final : public ByteSource {
 public:
  explicit ReadAheadSource(std::unique_ptr<ByteSource> source, const ReadAheadOptions& options = {});
  /// Waits for the read that is under way: on a pipe, until its writer writes or closes it.
  ~ReadAheadSource() override;
  ReadAheadSource(const ReadAheadSource&) = delete;
  ReadAheadSource& operator=(const ReadAheadSource&) = delete;

  Expected<std::size_t> read(std::uint8_t* out, std::size_t size) override;
  std::uint64_t input_done() const override { return said_.input_done; }
  std::uint64_t input_total() const override { return input_total_; }
  std::size_t block_bytes() const override { return block_bytes_; }
  std::string compression() const override { return compression_; }
  SourceSeconds seconds() const override { return said_.seconds; }
  Fingerprint fingerprint() const override { return said_.fingerprint; }
  SourceDamage damage() const override { return said_.damage; }
  std::optional<EntryPoint> checkpoint() const override { return checkpoint_; }
  /// Before the first read() only.
  void stop_before(std::uint64_t input_offset) override;
  bool reached_stop() const override { return said_.reached_stop && stop_told_; }
  bool passed_stop() const override { return said_.passed_stop; }

 private:
  /// What the source says of itself behind some bytes.
  struct Said {
    std::uint64_t input_done = 0;
    bool reached_stop = false, passed_stop = false;
    SourceDamage damage;
    SourceSeconds seconds;
    Fingerprint fingerprint;  ///< behind the last
  };
  struct Buffer {
    std::unique_ptr<std::uint8_t[]> bytes;
    std::size_t size = 0;
    std::optional<EntryPoint> begin;  ///< of its first byte, where one was taken
    Said behind;
    bool last = false;  ///< the source ended, or failed
    Status status;
    std::exception_ptr failure;  ///< thrown while it was filled; for the reader
  };

  void fill_buffers();
  void try_to_fill(Buffer& buffer);
  void fill(Buffer& buffer);
  bool wait_for_filled();
  void hand_back();
  Said what_it_says() const;

  std::unique_ptr<ByteSource> source_;  ///< the thread's, once it runs
  ReadAheadOptions options_;
  std::uint64_t input_total_;
  std::size_t block_bytes_;
  std::string compression_;

  // The thread's.
  std::uint64_t filled_bytes_ = 0, next_checkpoint_ = 0;

  // The reader's.
  std::size_t taken_ = 0;  ///< bytes of the current buffer
  bool ended_ = false, stop_due_ = false, stop_told_ = false;
  Said said_;
  std::optional<EntryPoint> checkpoint_;

  // Shared: buffers first_filled_ ... first_filled_ + filled_ - 1 of the ring are the reader's, the rest the
  // thread's.
  std::vector<Buffer> ring_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t first_filled_ = 0, filled_ = 0;
  bool leaving_ = false;

  std::thread thread_;
};

}  // namespace tidegauge
