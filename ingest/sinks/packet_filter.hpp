// `--filter`: libpcap's filter language, by libpcap's own compiler, run on the captured bytes with the wire length.
// A program belongs to a link type, so one is compiled for each that occurs. The meaning is libpcap's, which knows no
// tunnels: `tcp` there is not our TCP column (--only tcp is).
// Cost: BPF interpreted, some tens of nanoseconds a packet. One thread a filter; compiling takes turns.
// Tested by tests/ingest/packet_filter_test.cpp against libpcap's loop.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "kernels/core/status.hpp"
#include "kernels/data/packet_view.hpp"

namespace tidegauge {

class PacketFilter {
 public:
  /// An error of usage, in libpcap's words, for what is right for none of the decoded link types.
  static Status check(const std::string& expression);

  explicit PacketFilter(std::string expression);
  ~PacketFilter();
  PacketFilter(const PacketFilter&) = delete;
  PacketFilter& operator=(const PacketFilter&) = delete;

  /// Whether the packet is asked for. None is, of a link type for which the expression has no meaning: see status().
  bool matches(const PacketView& packet);
  /// Why a link type that occurred has no program.
  const Status& status() const { return status_; }

 private:
  struct Program;
  const Program* program_for(LinkType link);
  std::string expression_;
  std::map<LinkType, std::unique_ptr<Program>> programs_;
  const Program* program_ = nullptr;  ///< of link_
  LinkType link_{};
  Status status_;
};

}  // namespace tidegauge
