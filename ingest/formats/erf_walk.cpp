#include "ingest/formats/erf_walk.hpp"

#include <array>

namespace tidegauge {
namespace erf {
namespace {

constexpr int kChain = 4;

/// The records of a chain, and how many of them lie near no other before. Padding need not have a time: it
/// says nothing.
class Neighbours {
 public:
  int strays(const Record& r) {
    if (r.type == kPad) return strays_;
    bool near = count_ == 0;
    for (std::size_t i = 0; i < count_; ++i) near |= are_near(r.seconds(), seconds_[i]);
    if (count_ < seconds_.size()) seconds_[count_++] = r.seconds();
    return strays_ += !near;
  }

 private:
  std::array<std::uint32_t, kChain> seconds_{};
  std::size_t count_ = 0;
  int strays_ = 0;
};

Verdict hold_together(const std::uint8_t* p, const WalkWindow& window, Rule rule) {
  const bool expected = rule == Rule::expected;
  const auto at_the_end = [&](bool enough) {
    return !window.final ? Verdict::need_more : enough ? Verdict::yes : Verdict::no;
  };
  Neighbours neighbours;
  for (int whole = 0; whole < kChain; ++whole) {
    const std::size_t rest = window.rest(p);
    // The end of the file proves little where a place to go on is looked for: two whole records must precede
    // it.
    if (rest < kHeaderBytes) return at_the_end(whole >= (expected ? 2 : 1));
    const Record r = look_at_record(p, rest);
    if (r.fit == Fit::impossible || (expected && r.odd)) return Verdict::no;
    // A silence is real, and so is a clock that is wrong once: one record may be far from those before it.
    const int strays = neighbours.strays(r);
    if (strays > (expected ? 0 : 1)) return Verdict::no;
    if (r.fit == Fit::cut) return at_the_end(whole >= (expected ? 2 : 1) && strays == 0);
    p += r.size;
  }
  return Verdict::yes;
}

/// A damaged length may by chance end where a record begins, and pass over all between: then the records that
/// it passes over hold together.
Verdict nothing_better_within(const std::uint8_t* p, const WalkWindow& window) {
  const std::uint8_t* const end = p + look_at_record(p, window.rest(p)).size;
  for (p += kHeaderBytes; p < end; ++p) {
    const Verdict verdict = hold_together(p, window, Rule::expected);
    if (verdict != Verdict::no) return verdict == Verdict::yes ? Verdict::no : Verdict::need_more;
  }
  return Verdict::yes;
}

}  // namespace

Verdict chain(const std::uint8_t* p, const WalkWindow& window, Rule rule) {
  const Verdict verdict = hold_together(p, window, rule);
  return rule == Rule::possible && verdict == Verdict::yes ? nothing_better_within(p, window) : verdict;
}

}  // namespace erf

std::optional<Error> ErfState::nothing_decoded() const {
  if (any_packet || !refused_type) return std::nullopt;
  return Error{erf::type_name(*refused_type) + " is not decoded, and no record has another", "",
               "a capture of Ethernet, HDLC (Cisco HDLC, PPP), IPv4 or IPv6 records"};
}

Expected<bool> begins_with_erf_records(WalkSession& session) {
  constexpr std::size_t kMostBytes = 1 << 20;  // four records have less, unless they are all padding
  erf::Neighbours neighbours;
  std::size_t at = 0;
  for (int seen = 0; seen < erf::kChain && at < kMostBytes;) {
    TG_TRY(session.at_least(at + erf::kHeaderBytes));
    if (session.reader().size() < at + erf::kHeaderBytes)
      return seen >= 2 || (seen == 1 && session.reader().size() == at);
    TG_TRY(session.at_least(at + load_u16<true>(session.reader().begin() + at + 10)));
    const erf::Record r = erf::look_at_record(session.reader().begin() + at, session.reader().size() - at);
    if (r.fit == erf::Fit::impossible || r.odd || neighbours.strays(r) > 0) return false;
    seen += r.type != erf::kPad;
    if (r.fit == erf::Fit::cut) return seen >= 2;
    at += r.size;
    if (seen == erf::kChain) return true;
  }
  return false;
}

}  // namespace tidegauge
