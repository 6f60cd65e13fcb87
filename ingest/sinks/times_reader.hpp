// CAIDA's `.times` files: beside a capture of microseconds, the nanoseconds that its format has no room for,
// one decimal epoch a line ("1524143509.123456789"), a line per packet. Plain or compressed, as captures are.
// Cost: one call per line, about 20 digits each. Memory: one block. Tested by
// tests/ingest/timed_sink_test.cpp.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "ingest/formats/trace_index.hpp"
#include "ingest/source/block_reader.hpp"
#include "kernels/core/status.hpp"

namespace tidegauge {

/// The file beside `capture` by CAIDA's naming, if it is there: x.times[.gz] for x.pcap[.gz].
std::optional<std::string> times_file_of(const std::string& capture);

class TimesReader {
 public:
  static Expected<TimesReader> open(const std::string& path);

  /// The next line's time in nanoseconds (further digits are cut off). False at the end of the file, and for
  /// good after an error (a line that is no time, a file that cannot be read): see status().
  bool next(std::int64_t& ns);
  const Status& status() const { return status_; }

  std::uint64_t line() const { return line_; }  ///< number of the line read last, from 1
  /// Where the next line begins.
  TimesPlace place() const { return {line_, begin_ + lines_->offset()}; }
  /// Goes on with the line that begins at `place`: at once in a plain file, by way of what lies before in a compressed
  /// one. An error where no line begins there.
  Status go_to(const TimesPlace& place);
  /// Bytes of the file read so far.
  std::uint64_t input_done() const { return read_before_ + source_->input_done() - opened_at_; }

  /// Lines that next() has not read, without looking at what they say. The end of this reader's use.
  Expected<std::uint64_t> skip_rest();
  /// Words about a file that is cut off or damaged; empty if it is whole.
  SourceDamage damage() const { return source_->damage(); }
  /// "x.times.gz line 17"
  std::string here() const { return path_ + " line " + std::to_string(line_); }
  const std::string& path() const { return path_; }

 private:
  TimesReader(std::string path, std::unique_ptr<ByteSource> source);
  Status open_at(std::uint64_t begin);
  Status pass_over(std::uint64_t bytes);
  bool fail(Error error);
  bool refill();
  bool bad_line(const std::uint8_t* end_of_line);

  std::string path_;
  std::unique_ptr<ByteSource> source_;
  std::unique_ptr<BlockReader> lines_;
  std::uint64_t begin_ = 0;  ///< of the file, where reading began; 0 if it is compressed
  std::uint64_t line_ = 0;
  std::uint64_t read_before_ = 0, opened_at_ = 0;
  Status status_;
};

}  // namespace tidegauge
