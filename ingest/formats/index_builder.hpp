// Makes the time index while a capture is walked: asked after each block, does something about every 16 MiB.
// Needs a sink that can mark (OrderedStretch); with others there is no index. Tested by tests/ingest/extract_test.cpp.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "ingest/formats/trace_index.hpp"
#include "ingest/source/block_reader.hpp"

namespace tidegauge {

template <class Sink>
concept MarkingSink = requires(Sink sink) {
  { sink.mark(false) } -> std::same_as<std::optional<StretchMark>>;
};

class IndexBuilder {
 public:
  /// @param origin what the source calls the stream offset that the reader calls 0
  /// @param begin of the file, where reading began
  explicit IndexBuilder(std::uint64_t step_bytes = index_step_default_bytes, std::uint64_t origin = 0,
                        std::uint64_t begin = 0)
      : step_bytes_(step_bytes), origin_(origin), due_(step_bytes) {
    open_.entry.input_offset = begin;
  }

  /// `walker` stands at reader.offset(), and everything before that is in `sink`.
  template <class Walker, class Sink>
  void after_block(const Walker& walker, Sink& sink, const BlockReader& reader, ByteSource& source) {
    if constexpr (MarkingSink<Sink>) {
      if (reader.offset() < due_) return;
      // The source is ahead of the walker: its checkpoint serves the first place at or after it.
      if (!place_) place_ = place_of(source);
      if (place_->stream_offset > reader.offset()) return;
      const auto head = walker.resume_head();
      if (!head) return;
      if (const auto mark = sink.mark(false)) begin_stretch(*mark, reader.offset(), *head);
    }
  }

  /// Nothing more comes.
  template <class Sink>
  void end(Sink& sink) {
    if constexpr (MarkingSink<Sink>) {
      if (const auto mark = sink.mark(true)) close(*mark);
    }
  }

  std::vector<IndexEntry> take() { return std::exchange(entries_, {}); }

 private:
  EntryPoint place_of(const ByteSource& source) const;
  void close(const StretchMark& mark);
  void begin_stretch(const StretchMark& mark, std::uint64_t offset, const ResumeView& head);

  std::uint64_t step_bytes_, origin_, due_;
  IndexEntry open_;                  ///< the stretch that the walk is in
  std::optional<EntryPoint> place_;  ///< for the next one
  std::vector<IndexEntry> entries_;
};

/// Appends the index of what follows directly, whose offsets count from `base`. Its first stretch began where nothing
/// was decided before it: it goes on the last one here.
void append_index(std::vector<IndexEntry>& index, std::vector<IndexEntry>&& next, std::uint64_t base);

}  // namespace tidegauge
