// Where a read is to return short once: see ByteSource::stop_before().
#pragma once

#include <cstdint>

namespace tidegauge {

class StopMark {
 public:
  void arm(std::uint64_t at) {
    at_ = at;
    state_ = State::armed;
  }
  bool armed() const { return state_ == State::armed; }
  std::uint64_t at() const { return at_; }
  bool reached() const { return state_ == State::reached; }
  bool passed() const { return state_ == State::passed; }

  /// Something begins at `offset`. True if it is what was waited for: the read is to end here.
  bool met_by_start(std::uint64_t offset) {
    if (!armed() || offset < at_) return false;
    state_ = offset == at_ ? State::reached : State::passed;
    return reached();
  }
  /// Something that began before the mark certainly goes on behind it.
  void pass() {
    if (armed()) state_ = State::passed;
  }

 private:
  enum class State { none, armed, reached, passed };
  State state_ = State::none;
  std::uint64_t at_ = 0;
};

}  // namespace tidegauge
