#include "ingest/source/read_ahead_source.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace tidegauge {

ReadAheadSource::ReadAheadSource(std::unique_ptr<ByteSource> source, const ReadAheadOptions& options)
    : source_(std::move(source)),
      options_(options),
      input_total_(source_->input_total()),
      block_bytes_(source_->block_bytes()),
      compression_(source_->compression()),
      said_(what_it_says()),
      ring_(options.buffers) {
  TG_REQUIRE(options.buffers >= 2 && options.buffer_bytes != 0, "reading ahead needs two buffers");
}

ReadAheadSource::~ReadAheadSource() {
  {
    const std::lock_guard lock(mutex_);
    leaving_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void ReadAheadSource::stop_before(std::uint64_t input_offset) {
  TG_REQUIRE(!thread_.joinable(), "a stop behind what is read ahead already");
  source_->stop_before(input_offset);
}

ReadAheadSource::Said ReadAheadSource::what_it_says() const {
  return {source_->input_done(), source_->reached_stop(), source_->passed_stop(), source_->damage(), source_->seconds(), {}};
}

// The thread: fills the buffer behind those that are filled, until the source ends or nobody wants more.
void ReadAheadSource::fill_buffers() {
  for (std::size_t next = 0;; next = (next + 1) % ring_.size()) {
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return leaving_ || filled_ < ring_.size(); });
      if (leaving_) return;
    }
    Buffer& buffer = ring_[next];
    try_to_fill(buffer);
    const bool last = buffer.last;  // the reader may have the buffer, and us, from here on
    {
      const std::lock_guard lock(mutex_);
      ++filled_;
    }
    changed_.notify_all();
    if (last) return;
  }
}

/// What is thrown (no memory is left) is thrown again where the bytes would have come.
void ReadAheadSource::try_to_fill(Buffer& buffer) {
  try {
    fill(buffer);
  } catch (...) {
    buffer.failure = std::current_exception();
    buffer.last = true;
  }
}

void ReadAheadSource::fill(Buffer& buffer) {
  if (!buffer.bytes) buffer.bytes = std::make_unique_for_overwrite<std::uint8_t[]>(options_.buffer_bytes);
  buffer.begin.reset();
  if (options_.checkpoint_every_bytes != 0 && filled_bytes_ >= next_checkpoint_) {
    buffer.begin = source_->checkpoint();
    if (buffer.begin) next_checkpoint_ = filled_bytes_ + options_.checkpoint_every_bytes;
  }
  const bool stopped_before = source_->reached_stop();
  const auto got = source_->read(buffer.bytes.get(), options_.buffer_bytes);
  buffer.size = got ? *got : 0;
  buffer.status = got ? Status{} : Status{got.error()};
  buffer.behind = what_it_says();
  const bool at_stop = buffer.behind.reached_stop && !stopped_before;
  buffer.last = !got || (buffer.size < options_.buffer_bytes && !at_stop);
  if (buffer.last) buffer.behind.fingerprint = source_->fingerprint();
  filled_bytes_ += buffer.size;
}

/// The current buffer is there to be read; false once there are no more.
bool ReadAheadSource::wait_for_filled() {
  if (ended_) return false;
  if (!thread_.joinable()) thread_ = std::thread([this] { fill_buffers(); });
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return filled_ != 0; });
  return true;
}

void ReadAheadSource::hand_back() {
  {
    const std::lock_guard lock(mutex_);
    first_filled_ = (first_filled_ + 1) % ring_.size();
    --filled_;
  }
  changed_.notify_all();
  taken_ = 0;
}

Expected<std::size_t> ReadAheadSource::read(std::uint8_t* out, std::size_t size) {
  if (stop_due_) {  // the read before this one was filled to its last byte
    stop_due_ = false;
    stop_told_ = true;
    return std::size_t{0};
  }
  std::size_t got = 0;
  while (got < size && wait_for_filled()) {
    Buffer& buffer = ring_[first_filled_];
    if (buffer.failure) std::rethrow_exception(buffer.failure);
    if (taken_ == 0 && buffer.begin) checkpoint_ = std::move(buffer.begin);
    const std::size_t part = std::min(size - got, buffer.size - taken_);
    std::memcpy(out + got, buffer.bytes.get() + taken_, part);
    got += part;
    taken_ += part;
    if (taken_ < buffer.size) break;
    // What the source says of the bytes up to here, now that they all are taken.
    said_ = buffer.behind;
    if (!buffer.status) return buffer.status.error();  // again and again
    ended_ = buffer.last;
    hand_back();
    if (said_.reached_stop && !stop_told_) {
      stop_due_ = got == size;
      stop_told_ = !stop_due_;
      break;
    }
  }
  return got;
}

}  // namespace tidegauge
