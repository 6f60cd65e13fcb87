#include "ingest/formats/walk_session.hpp"

#include <utility>

#include "ingest/formats/erf_walk.hpp"
#include "ingest/formats/pcap_header.hpp"
#include "ingest/formats/pcapng_block.hpp"
#include "ingest/source/byte_source.hpp"

namespace tidegauge {
namespace {
constexpr std::uint64_t kProgressBytes = std::uint64_t{16} << 20;
}  // namespace

Status WalkSession::at_least(std::size_t bytes) {
  while (reader_.size() < bytes && !reader_.final()) TG_TRY(more());
  return {};
}

Status WalkSession::more() {
  TG_TRY(reader_.more());
  if (options_.strict && !source_.damage().empty()) {
    return source_damage_error(source_.damage().words(), path_);
  }
  tell_progress(false);
  return {};
}

void WalkSession::tell_progress(bool last) {
  if (!options_.progress) return;
  const std::uint64_t done = source_.input_done();
  if (!last && done - told_ < kProgressBytes) return;
  told_ = done;
  options_.progress(done, source_.input_total());
}

Expected<WalkResult> WalkSession::finish(const char* format) {
  tell_progress(true);
  WalkResult result;
  result.format = format_words(format, source_);
  result.input_bytes = source_.input_total() != 0 ? source_.input_total() : source_.input_done();
  result.damage = damage_words(log_, source_.damage().words());
  result.seconds = {source_.seconds().read, source_.seconds().inflate, walking_.seconds()};
  return result;
}

Error source_damage_error(const std::string& damage, const std::string& path) {
  return {"damaged: " + damage, path, "without --strict everything before it is kept", ErrorKind::damage};
}

std::string format_words(const std::string& format, const ByteSource& source) {
  return source.compression().empty() ? format : format + " in " + source.compression();
}

std::string damage_words(const DamageLog& log, const std::string& source_damage) {
  const std::string words = log.words();
  return words.empty() || source_damage.empty() ? words + source_damage : words + "; " + source_damage;
}

Expected<CaptureFormat> recognise_format(WalkSession& session) {
  TG_TRY(session.at_least(kPcapFileHeaderBytes));
  if (const ResumeHead* const known = session.options().resume) return known->format;
  const BlockReader& reader = session.reader();
  if (reader.size() == 0) return session.error("the file is empty", "capture it again, or leave it out");
  const std::uint32_t magic = reader.size() >= 4 ? load_u32<false>(reader.begin()) : 0;
  if (magic == pcapng::kSectionHeader) return CaptureFormat::pcapng;
  if (!is_pcap_magic(magic)) {
    auto erf = begins_with_erf_records(session);
    if (!erf) return std::move(erf).error();
    if (*erf) return CaptureFormat::erf;
    return session.error("is neither pcap nor pcapng nor ERF", "convert it with: editcap -F pcap");
  }
  if (reader.size() < kPcapFileHeaderBytes) {
    return session.error(
        "ends within the pcap file header (" + std::to_string(reader.size()) + " of 24 bytes)",
        "capture it again, or leave it out");
  }
  return CaptureFormat::pcap;
}

bool begins_as_capture(const std::string& path) {
  constexpr std::size_t looked_at = std::size_t{64} << 10;
  const auto source = open_source(path);
  if (!source) return false;
  const WalkOptions options;
  WalkSession session(path, **source, options, looked_at);
  return recognise_format(session).has_value();
}

Expected<bool> first_section_swapped(const WalkSession& session) {
  const BlockReader& reader = session.reader();
  const std::uint32_t magic =
      reader.size() >= pcapng::kBlockHeadBytes ? load_u32<false>(reader.begin() + 8) : 0;
  if (magic == pcapng::kByteOrderMagic) return false;
  if (magic == __builtin_bswap32(pcapng::kByteOrderMagic)) return true;
  return session.error("the pcapng section header at its start is cut off or has no byte order",
                       "capture it again, or leave it out");
}

}  // namespace tidegauge
