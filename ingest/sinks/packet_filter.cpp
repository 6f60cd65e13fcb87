#include "ingest/sinks/packet_filter.hpp"

#include <pcap/pcap.h>

#include <mutex>
#include <utility>

#include "ingest/formats/link_names.hpp"

namespace tidegauge {

/// Owns a compiled program; without one `words` say why.
struct PacketFilter::Program {
  Program(const std::string& expression, LinkType link);
  ~Program() {
    if (compiled) pcap_freecode(&code);
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  bpf_program code{};
  bool compiled = false;
  std::string words;
};

namespace {

constexpr int longest_packet = 262'144;  // libpcap's largest snaplen: what a program may look at

/// The few link types whose number in files is not libpcap's number on every system (pcap/dlt.h).
int dlt_of(LinkType link) {
  switch (link) {
    case LinkType::raw_ip:
    case LinkType::raw_ip_12:
    case LinkType::raw_ip_14: return DLT_RAW;
    case LinkType::loop: return DLT_LOOP;
    case LinkType::enc: return DLT_ENC;
    case LinkType::atm_rfc1483:
    case LinkType::atm_rfc1483_11: return DLT_ATM_RFC1483;
    default: return static_cast<int>(link);
  }
}

/// Names of hosts, ports and protocols are looked up through functions of the C library that share their answers.
std::mutex& compiler_turn() {
  static std::mutex turn;
  return turn;
}

}  // namespace

PacketFilter::Program::Program(const std::string& expression, LinkType link) {
  const std::lock_guard lock(compiler_turn());
  pcap_t* const dead = pcap_open_dead(dlt_of(link), longest_packet);
  if (dead == nullptr) {
    words = "libpcap cannot be set up";
    return;
  }
  compiled = pcap_compile(dead, &code, expression.c_str(), /*optimize=*/1, PCAP_NETMASK_UNKNOWN) == 0;
  if (!compiled) words = pcap_geterr(dead);
  pcap_close(dead);
}

PacketFilter::PacketFilter(std::string expression) : expression_(std::move(expression)) {}
PacketFilter::~PacketFilter() = default;

Status PacketFilter::check(const std::string& expression) {
  const Program ethernet(expression, LinkType::ethernet);
  if (ethernet.compiled) return {};
  for (const LinkType link : all_link_types)
    if (Program(expression, link).compiled) return {};
  return Error{ethernet.words, "--filter " + expression,
               "libpcap's language, as in 'tcp port 80' (man pcap-filter)", ErrorKind::usage};
}

const PacketFilter::Program* PacketFilter::program_for(LinkType link) {
  auto& program = programs_[link];
  if (!program) program = std::make_unique<Program>(expression_, link);
  if (!program->compiled && status_)
    status_ = Error{"the filter has no meaning for " + link_name(static_cast<std::uint32_t>(link)) + ": " + program->words,
                    "--filter " + expression_, "an expression that fits the capture's link type", ErrorKind::usage};
  return program.get();
}

bool PacketFilter::matches(const PacketView& packet) {
  if (program_ == nullptr || packet.link != link_) {
    link_ = packet.link;
    program_ = program_for(packet.link);
  }
  return program_->compiled &&
         bpf_filter(program_->code.bf_insns, packet.bytes, packet.wire_bytes, packet.captured_bytes) != 0;
}

}  // namespace tidegauge
