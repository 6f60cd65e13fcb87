#include "ingest/source/decompressing_source.hpp"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "ingest/source/stop_mark.hpp"
#include "kernels/core/stopwatch.hpp"

namespace tidegauge {
namespace {

constexpr std::size_t kInputBytes = std::size_t{128} << 10;
// A decoder may hold bytes of what follows its unit until the unit ends: ISA-L up to eight.
constexpr std::uint64_t kDecoderReadsAhead = 8;

/// Goes before the decoder's own state in an entry point, so that damage is told in the same words.
struct UnitPosition {
  std::uint64_t begin = 0;
};

class DecompressingSource final : public ByteSource {
 public:
  DecompressingSource(std::unique_ptr<ByteSource> compressed, const Compression& compression,
                      const std::string& path)
      : compressed_(std::move(compressed)),
        compression_(compression),
        decoder_(compression.make_decoder()),
        path_(path),
        buffer_(std::make_unique<std::uint8_t[]>(kMostGivenBack + kInputBytes)),
        input_(begin_of_input(), 0) {}

  Status begin_at(const EntryPoint& at);

  Expected<std::size_t> read(std::uint8_t* out, std::size_t size) override;
  std::uint64_t input_done() const override { return compressed_->input_done() - input_.size(); }
  std::uint64_t input_total() const override { return compressed_->input_total(); }
  // ISA-L is fastest into 64 to 256 KiB (its window and tables stay in the second-level cache beside the
  // block).
  std::size_t block_bytes() const override { return std::size_t{256} << 10; }
  std::string compression() const override { return compression_.name; }
  SourceSeconds seconds() const override {
    const double read = compressed_->seconds().read;
    return {read, working_.seconds() - read};
  }
  Fingerprint fingerprint() const override { return compressed_->fingerprint(); }
  SourceDamage damage() const override { return damage_; }
  std::optional<EntryPoint> checkpoint() const override;
  void stop_before(std::uint64_t input_offset) override { stop_.arm(input_offset); }
  bool reached_stop() const override { return stop_.reached(); }
  bool passed_stop() const override { return stop_.passed(); }

 private:
  enum class Where {
    before_first,  // the first unit begins with the next byte
    in_unit,
    between_units,
    broken,  // nothing more of the unit can be decoded, but the decoder may hold some of it back
    lost,    // behind damage: a unit may begin anywhere
    ended,
  };

  std::uint8_t* begin_of_input() const { return buffer_.get() + kMostGivenBack; }
  Expected<std::size_t> read_through(std::uint8_t* out, std::size_t size);
  Expected<std::size_t> step(std::span<std::uint8_t> out);
  Status next_unit();
  Expected<bool> header_runs_over_another();
  Status find_unit();
  Status skip_zeros();
  Status drain_pipe();
  Status refill();
  Status refuse_nested(std::span<const std::uint8_t> first_bytes) const;
  void note(const std::string& words);

  std::unique_ptr<ByteSource> compressed_;
  const Compression& compression_;
  std::unique_ptr<Decoder> decoder_;
  std::string path_;
  std::unique_ptr<std::uint8_t[]> buffer_;
  std::span<const std::uint8_t> input_;  ///< what is left in buffer_, behind kMostGivenBack bytes or more that were there
  bool input_ended_ = false;
  Where where_ = Where::before_first;
  bool from_beginning_ = true;
  std::uint64_t unit_begin_ = 0;     ///< byte of the file
  std::uint64_t stream_offset_ = 0;  ///< of the next byte
  StopMark stop_;
  Stopwatch working_;
  SourceDamage damage_;
};

void DecompressingSource::note(const std::string& words) {
  damage_.faults += 1;
  if (damage_.faults > 1) return;
  // By its place and not by its number, which whoever begins in the middle does not know.
  damage_.first = std::string(compression_.name) + " " + compression_.unit + " at byte " + std::to_string(unit_begin_) + " " +
            words + " (compressed byte " + std::to_string(input_done()) + ")";
}

/// Keeps what is left and fills the buffer up behind it.
Status DecompressingSource::refill() {
  const std::size_t kept = input_.size();
  std::memmove(buffer_.get(), input_.data() - kMostGivenBack, kMostGivenBack + kept);
  auto got = compressed_->read(begin_of_input() + kept, kInputBytes - kept);
  if (!got) return std::move(got).error();
  input_ended_ = *got < kInputBytes - kept;
  input_ = {begin_of_input(), kept + *got};
  return {};
}

Status DecompressingSource::skip_zeros() {
  for (;;) {
    std::size_t zeros = 0;
    while (zeros < input_.size() && input_[zeros] == 0) ++zeros;
    input_ = input_.subspan(zeros);
    if (!input_.empty() || input_ended_) return {};
    TG_TRY(refill());
  }
}

/// Takes what a pipe holds behind the last unit: its writer shall end well, and its fingerprint is of all of it.
Status DecompressingSource::drain_pipe() {
  while (!input_ended_ && compressed_->input_total() == 0) {
    input_ = {begin_of_input(), 0};
    TG_TRY(refill());
  }
  return {};
}

/// Begins the unit that follows, or finds that there is none.
Status DecompressingSource::next_unit() {
  if (where_ != Where::before_first) {
    const std::uint64_t unit_end = input_done();
    TG_TRY(skip_zeros());
    const bool padded = input_done() != unit_end;
    if (input_.size() < kUnitHeadBytes && !input_ended_) TG_TRY(refill());
    if (input_.empty()) {
      where_ = Where::ended;
      return {};
    }
    if (!compression_.begins(input_) || (padded && !compression_.padding_between_units)) {
      note(std::string("is followed by bytes that are no ") + compression_.name + " " + compression_.unit);
      where_ = Where::lost;
      return {};
    }
  }
  unit_begin_ = input_done();
  const auto runs_over = header_runs_over_another();
  if (!runs_over) return runs_over.error();
  if (*runs_over) {
    note("has a header that runs over the next one's");
    where_ = Where::lost;
    return {};
  }
  decoder_->begin_unit();
  where_ = Where::in_unit;
  return {};
}

/// A flipped bit in a header makes a field of up to 64 KiB of what follows, and with it whole units would be lost: where
/// another surely begins within a header, it is damage. Not of the first, without which nothing that follows is read.
Expected<bool> DecompressingSource::header_runs_over_another() {
  if (unit_begin_ == 0 || !compression_.header_bytes) return false;
  if (compression_.header_bytes(input_) > input_.size() && !input_ended_) TG_TRY(refill());
  const std::size_t end = std::min(compression_.header_bytes(input_), input_.size());
  for (std::size_t at = 1; at < end; ++at)
    if (compression_.surely_begins(input_.subspan(at))) return true;
  return false;
}

/// Passes over what is no unit, to where the next one surely begins or to the end.
Status DecompressingSource::find_unit() {
  const std::uint64_t from = input_done();
  if (from <= unit_begin_) input_ = input_.subspan(std::min<std::size_t>(input_.size(), unit_begin_ + 1 - from));
  for (;;) {
    while (!input_.empty() && (input_ended_ || input_.size() >= kUnitHeadBytes) && !compression_.surely_begins(input_))
      input_ = input_.subspan(1);
    if (input_.size() >= kUnitHeadBytes || input_ended_) break;
    TG_TRY(refill());
  }
  damage_.passed_over_bytes += input_done() - from;
  where_ = input_.empty() ? Where::ended : Where::before_first;
  return {};
}

/// One call of the decoder, and what follows from it. Gives the bytes written.
Expected<std::size_t> DecompressingSource::step(std::span<std::uint8_t> out) {
  if (input_.empty() && !input_ended_) TG_TRY(refill());
  const DecodeStep step = decoder_->decode(input_, input_ended_, out);
  const bool stuck = step.taken == 0 && step.written == 0 && !input_.empty();
  const auto size = static_cast<std::ptrdiff_t>(input_.size());
  TG_REQUIRE(step.taken <= size && step.taken >= -kMostGivenBack, "a decoder moved out of its input");
  input_ = {input_.data() + step.taken, static_cast<std::size_t>(size - step.taken)};
  switch (step.end) {
    case DecodeStep::End::unit:
      where_ = Where::between_units;
      break;
    case DecodeStep::End::wrong_checksum:
      note("does not match its checksum");
      where_ = Where::between_units;
      break;
    case DecodeStep::End::refused:
      if (stream_offset_ == 0) {
        return Error{std::string(compression_.name) + " data that " + decoder_->refusal() + " is not read",
                     path_, std::string(compression_.unpack) + " into a file, and give that"};
      }
      note(decoder_->refusal() + ", which is not read");
      where_ = Where::broken;
      break;
    case DecodeStep::End::broken:
      note("cannot be decompressed");
      where_ = Where::broken;
      break;
    case DecodeStep::End::none:
      if (input_ended_ && input_.empty() && step.written < out.size()) {
        note("is cut off");
        where_ = Where::ended;
      } else if (stuck) {
        note("cannot be decompressed");  // no progress on input that is there: never spin
        where_ = Where::broken;
      }
  }
  return step.written;
}

Expected<std::size_t> DecompressingSource::read_through(std::uint8_t* out, std::size_t size) {
  std::size_t got = 0;
  while (got < size && where_ != Where::ended) {
    if (where_ == Where::in_unit) {
      auto written = step({out + got, size - got});
      if (!written) return written;
      got += *written;
    } else if (where_ == Where::broken) {
      const std::size_t held = decoder_->take_held_back({out + got, size - got});
      if (held == 0) where_ = Where::lost;
      got += held;
    } else if (where_ == Where::lost) {
      TG_TRY(find_unit());
    } else {
      TG_TRY(next_unit());
      if (where_ == Where::in_unit && stop_.met_by_start(unit_begin_)) break;
    }
  }
  if (where_ == Where::ended) TG_TRY(drain_pipe());
  if (stop_.armed() && input_done() > stop_.at() + kDecoderReadsAhead) stop_.pass();
  return got;
}

Expected<std::size_t> DecompressingSource::read(std::uint8_t* out, std::size_t size) {
  const Stopwatch::Stretch stretch(working_);
  auto got = read_through(out, size);
  if (!got) return got;
  if (stream_offset_ == 0 && from_beginning_) TG_TRY(refuse_nested({out, *got}));
  stream_offset_ += *got;
  return got;
}

Status DecompressingSource::refuse_nested(std::span<const std::uint8_t> first_bytes) const {
  const Compression* const inner = recognise_compression(first_bytes);
  if (!inner) return {};
  return Error{
      std::string("holds ") + inner->name + " data inside " + compression_.name + " data; one layer is read",
      path_, std::string(compression_.unpack) + " into a file, and give that"};
}

std::optional<EntryPoint> DecompressingSource::checkpoint() const {
  if (!compressed_->checkpoint()) return std::nullopt;  // what comes through a pipe is gone
  EntryPoint here{stream_offset_, input_done(), {}};
  if (where_ == Where::before_first || (where_ == Where::in_unit && here.input_offset == unit_begin_))
    return here;
  if (where_ == Where::between_units && compression_.begins(input_)) return here;
  if (where_ != Where::in_unit) return std::nullopt;
  const std::vector<std::uint8_t> state = decoder_->save_state();
  if (state.empty()) return std::nullopt;
  here.state = state_within_unit(unit_begin_, state);
  return here;
}

Status DecompressingSource::begin_at(const EntryPoint& at) {
  stream_offset_ = at.stream_offset;
  from_beginning_ = at.input_offset == 0;
  if (at.state.empty()) return {};
  UnitPosition unit;
  if (at.state.size() < sizeof unit)
    return Error{"a decoder state of a few bytes cannot be gone on from", path_, ""};
  std::memcpy(&unit, at.state.data(), sizeof unit);
  if (unit.begin >= at.input_offset) {
    return Error{"a decoder state speaks of a later part of the file", path_, ""};
  }
  decoder_->begin_unit();
  TG_TRY(decoder_->restore_state(std::span(at.state).subspan(sizeof unit)));
  where_ = Where::in_unit;
  unit_begin_ = unit.begin;
  return {};
}

}  // namespace

std::vector<std::uint8_t> state_within_unit(std::uint64_t unit_begin, std::span<const std::uint8_t> decoder_state) {
  const UnitPosition unit{unit_begin};
  std::vector<std::uint8_t> state(sizeof unit + decoder_state.size());
  std::memcpy(state.data(), &unit, sizeof unit);
  std::memcpy(state.data() + sizeof unit, decoder_state.data(), decoder_state.size());
  return state;
}

std::unique_ptr<ByteSource> decompress(std::unique_ptr<ByteSource> compressed, const Compression& compression,
                                       const std::string& path) {
  return std::make_unique<DecompressingSource>(std::move(compressed), compression, path);
}

Expected<std::unique_ptr<ByteSource>> decompress_at(std::unique_ptr<ByteSource> compressed,
                                                    const Compression& compression, const EntryPoint& at,
                                                    const std::string& path) {
  auto source = std::make_unique<DecompressingSource>(std::move(compressed), compression, path);
  TG_TRY(source->begin_at(at));
  return std::unique_ptr<ByteSource>(std::move(source));
}

}  // namespace tidegauge
