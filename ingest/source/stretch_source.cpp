#include "ingest/source/stretch_source.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace tidegauge {

void StretchSource::close() {
  read_before_ += read_of_open();
  source_.reset();
  kept_.clear();
}

Status StretchSource::begin(const EntryPoint& entry, std::uint64_t stream_offset, std::span<const std::uint8_t> head,
                            std::uint64_t keep_from) {
  TG_TRY(reach(entry, stream_offset));
  next_ = stream_offset;
  keep_from_ = keep_from;
  head_.assign(head.begin(), head.end());
  head_taken_ = 0;
  enough_ = false;
  return {};
}

/// A decompressor's state may be of another version of its library: then the stream is read from its beginning.
Status StretchSource::open(const EntryPoint& entry) {
  close();
  const bool at_entry = entry.state.empty() || states_usable_;
  auto opened = open_source_at(path_, at_entry ? entry : EntryPoint{});
  if (!opened && !entry.state.empty() && states_usable_) {
    states_usable_ = false;
    return open(entry);
  }
  if (!opened) return std::move(opened).error();
  source_ = *std::move(opened);
  opened_at_ = source_->input_done();
  at_ = at_entry ? entry.stream_offset : 0;
  return {};
}

/// Afterwards `stream_offset` is in kept_, or where the source stands.
Status StretchSource::reach(const EntryPoint& entry, std::uint64_t stream_offset) {
  const std::uint64_t first_kept = at_ - kept_.size();
  const bool nearer = entry.stream_offset > at_ && (entry.state.empty() || states_usable_);
  if (!source_ || stream_offset < first_kept || nearer) {
    TG_TRY(open(entry));
    from_beginning_ = from_beginning_ || (at_ == 0 && stream_offset != 0);
  } else {
    kept_.erase(kept_.begin(), kept_.begin() + static_cast<std::ptrdiff_t>(std::min<std::uint64_t>(
                                                   stream_offset - first_kept, kept_.size())));
  }
  return pass_over(stream_offset > at_ ? stream_offset - at_ : 0);
}

Status StretchSource::pass_over(std::uint64_t bytes) {
  std::vector<std::uint8_t> block(static_cast<std::size_t>(std::min<std::uint64_t>(bytes, block_bytes())));
  while (bytes != 0) {
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(bytes, block.size()));
    auto got = source_->read(block.data(), wanted);
    if (!got) return std::move(got).error();
    at_ += *got;
    bytes -= *got;
    if (*got < wanted) return Error{"ends at byte " + std::to_string(at_) + " of its stream, before what is looked for",
                                    path_, "check that it is the file that was counted"};
  }
  return {};
}

Expected<std::size_t> StretchSource::read(std::uint8_t* out, std::size_t size) {
  const std::size_t from_head = std::min(size, head_.size() - head_taken_);
  if (from_head != 0) std::memcpy(out, head_.data() + head_taken_, from_head);
  head_taken_ += from_head;
  if (enough_) return from_head;
  auto rest = read_stream(out + from_head, size - from_head);
  if (!rest) return rest;
  return from_head + *rest;
}

Expected<std::size_t> StretchSource::read_stream(std::uint8_t* out, std::size_t size) {
  const auto from_kept = static_cast<std::size_t>(std::min<std::uint64_t>(size, at_ - next_));
  if (from_kept != 0) std::memcpy(out, kept_.data() + (kept_.size() - (at_ - next_)), from_kept);
  next_ += from_kept;
  if (from_kept == size) return size;

  const std::uint8_t* const fresh = out + from_kept;
  auto got = source_->read(out + from_kept, size - from_kept);
  if (!got) return got;
  if (at_ < keep_from_) kept_.clear();  // all of it was handed out
  const std::uint64_t unwanted = keep_from_ > at_ ? std::min<std::uint64_t>(keep_from_ - at_, *got) : 0;
  kept_.insert(kept_.end(), fresh + unwanted, fresh + *got);
  at_ += *got;
  next_ = at_;
  return from_kept + *got;
}

}  // namespace tidegauge
