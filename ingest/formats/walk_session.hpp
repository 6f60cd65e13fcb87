// What one walk over one capture needs besides the walker: the open source, the window over it, damage,
// progress. Tested by tests/ingest/capture_test.cpp.
#pragma once

#include <string>
#include <utility>

#include "ingest/formats/damage_log.hpp"
#include "ingest/formats/index_builder.hpp"
#include "ingest/formats/resume_head.hpp"
#include "ingest/formats/walk_options.hpp"
#include "ingest/source/block_reader.hpp"
#include "kernels/core/stopwatch.hpp"

namespace tidegauge {

class WalkSession {
 public:
  /// `block_bytes` 0 takes what the source prefers; tests take small ones.
  WalkSession(std::string path, ByteSource& source, const WalkOptions& options, std::size_t block_bytes)
      : path_(std::move(path)),
        source_(source),
        options_(options),
        reader_(source, block_bytes),
        log_(options.strict) {}

  BlockReader& reader() { return reader_; }
  const BlockReader& reader() const { return reader_; }
  DamageLog& log() { return log_; }
  const WalkOptions& options() const { return options_; }

  /// Makes at least `bytes` available unless the stream ends before.
  Status at_least(std::size_t bytes);
  /// The next block. In strict mode damage of the compression is an error here.
  Status more();
  /// An error at the start of the stream, in words about this file.
  Error error(std::string what, std::string remedy = {}) const {
    return {std::move(what), path_, std::move(remedy)};
  }
  /// After the last record.
  Expected<WalkResult> finish(const char* format);

  /// Hands window after window to `walker`, which fills `sink`, until the stream ends or the log stops the walk.
  template <class Walker, class Sink>
  Status drive(Walker& walker, Sink& sink) {
    for (;;) {
      {
        const Stopwatch::Stretch stretch(walking_);
        reader_.consume(walker.walk(reader_.begin(), reader_.end(), reader_.final(), reader_.offset()));
      }
      if (log_.stopped()) return log_.error(path_, source_.compression());
      if (reader_.final()) break;
      if (options_.index != nullptr) options_.index->after_block(walker, sink, reader_, source_);
      TG_TRY(more());
    }
    if (options_.index != nullptr) options_.index->end(sink);
    return {};
  }

 private:
  void tell_progress(bool last);

  std::string path_;
  ByteSource& source_;
  const WalkOptions& options_;
  BlockReader reader_;
  DamageLog log_;
  Stopwatch walking_;
  std::uint64_t told_ = 0;
};

/// A strict walk ends at damage of the compression.
Error source_damage_error(const std::string& damage, const std::string& path);
/// "pcap in gzip"
std::string format_words(const std::string& format, const ByteSource& source);
/// Words about damage of the records and of the compression; empty if there was none.
std::string damage_words(const DamageLog& log, const std::string& source_damage);

/// What the first bytes of a (decompressed) stream open.
/// Needs the first bytes in the session's window; an error in words if they open none.
Expected<CaptureFormat> recognise_format(WalkSession& session);
/// Whether a file, under any compression, begins as a capture does.
bool begins_as_capture(const std::string& path);
/// Whether the first section of a pcapng stream is of the other byte order.
Expected<bool> first_section_swapped(const WalkSession& session);

}  // namespace tidegauge
