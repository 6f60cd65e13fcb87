// Reads the packets of chosen intervals out of one capture, stretch by stretch of its time index: exactly those that
// were counted into these intervals. Stretches that hold none of them are not read, but for what `--dedup` needs: whether
// a record is a repetition the N records before it say, so the stretches before a wanted one are read until they hold N.
// Cost: the walk of the stretches read. Memory: one stretch's wanted packets at a time. Not thread-safe.
// Tested by tests/ingest/extract_test.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ingest/formats/packet_sink.hpp"
#include "ingest/formats/trace_index.hpp"
#include "ingest/sinks/duplicate_window.hpp"
#include "ingest/sinks/packet_buffer.hpp"
#include "ingest/sinks/packet_selection.hpp"
#include "ingest/sinks/times_reader.hpp"
#include "ingest/source/stretch_source.hpp"
#include "kernels/core/status.hpp"
#include "kernels/data/interval_range.hpp"

namespace tidegauge {

/// How the capture was counted, and how it is read.
struct StretchOptions {
  std::size_t block_bytes = std::size_t{256} << 10;
  std::string times{};                          ///< the `.times` file that the records' times came from; empty: none
  std::size_t dedup = 0;                        ///< records looked back at for repetitions
  std::shared_ptr<PacketSelection> selection{}; ///< none: all packets; captures may share it
};

class StretchReader {
 public:
  /// @param index the capture's whole time index, in file order
  /// @param wanted ordered and disjoint
  StretchReader(std::string path, std::int64_t interval_ns, std::vector<IndexEntry> index,
                std::vector<IntervalRange> wanted, StretchOptions options = {});

  /// Whether a stretch is left, and a time before which none of its wanted packets is.
  std::optional<std::int64_t> next_bound_ns() const;
  /// The wanted packets of the next stretch, in the capture's order; perhaps none.
  Expected<PacketBuffer> next();
  /// Read so far, of the `.times` file too.
  std::uint64_t input_bytes() const { return source_.input_done() + times_before_ + (times_ ? times_->input_done() : 0); }
  bool from_beginning() const { return source_.from_beginning(); }
  const std::string& path() const { return path_; }

 private:
  /// The first wanted interval that a stretch may hold.
  std::optional<std::int64_t> first_wanted(const IndexEntry& stretch) const;
  bool wants(const PacketView& packet) const;
  Status fill_window();
  Status read(std::size_t stretch, PacketBuffer* out);
  template <PacketSink Sink>
  Status walk(const IndexEntry& stretch, Sink& sink);
  Status go_to_times(const IndexEntry& stretch);
  void close();
  void find_next();

  std::string path_;
  std::int64_t interval_ns_;
  std::vector<IndexEntry> index_;
  std::vector<IntervalRange> wanted_;
  StretchOptions options_;
  std::size_t at_ = 0;  ///< the next stretch to read
  StretchSource source_;
  std::optional<TimesReader> times_;
  std::uint64_t times_before_ = 0;  ///< bytes read of it before it was closed
  DuplicateWindow window_;     ///< what it holds came before
  std::size_t window_at_ = 0;  ///< this stretch
};

}  // namespace tidegauge
