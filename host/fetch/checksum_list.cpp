#include "host/fetch/checksum_list.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <sstream>

#include "host/csv_text.hpp"
#include "ingest/source/byte_source.hpp"

namespace tidegauge {

namespace {

constexpr const char* columns = "a table with the columns url, bytes_gz and md5_gz";

Expected<std::string> read_decompressed(const std::string& path) {
  auto source = open_source(path);
  if (!source) return std::move(source).error();
  std::string text, block((*source)->block_bytes(), '\0');
  for (std::size_t got = block.size(); got == block.size(); text.append(block, 0, got)) {
    const auto read = (*source)->read(reinterpret_cast<std::uint8_t*>(block.data()), block.size());
    if (!read) return read.error();
    got = *read;
  }
  if (!(*source)->damage().empty()) return Error{(*source)->damage().words(), path, "the whole list"};
  return text;
}

bool read_line(std::istringstream& lines, std::string& line) {
  if (!std::getline(lines, line)) return false;
  if (line.ends_with('\r')) line.pop_back();
  return true;
}

bool is_md5(std::string_view text) {
  return text.size() == 32 && text.find_first_not_of("0123456789abcdef") == text.npos;
}

Expected<KnownFile> parse_known(const std::string& bytes, std::string md5, const std::string& where) {
  KnownFile known;
  for (char& digit : md5)
    if (digit >= 'A' && digit <= 'F') digit = static_cast<char>(digit - 'A' + 'a');
  if (!bytes.empty()) {
    const char* const end = bytes.data() + bytes.size();
    const auto parsed = std::from_chars(bytes.data(), end, known.bytes.emplace());
    if (parsed.ec != std::errc() || parsed.ptr != end) return Error{fmt::format("'{}' is no size", bytes), where, columns};
  }
  if (!md5.empty() && !is_md5(md5)) return Error{fmt::format("'{}' is no MD5", md5), where, columns};
  known.md5 = std::move(md5);
  return known;
}

}  // namespace

Expected<ChecksumList> read_checksums(const std::string& path) {
  auto text = read_decompressed(path);
  if (!text) return std::move(text).error();
  std::istringstream lines(*text);
  std::string line;
  std::vector<std::string> head;
  if (read_line(lines, line)) head = split_csv_line(line).value_or(std::vector<std::string>{});
  const auto column = [&](const char* name) { return static_cast<std::size_t>(std::ranges::find(head, name) - head.begin()); };
  const std::size_t url = column("url"), bytes = column("bytes_gz"), md5 = column("md5_gz");
  if (std::max({url, bytes, md5}) >= head.size()) return Error{"lacks a column", path, columns};

  ChecksumList list;
  for (std::size_t number = 2; read_line(lines, line); ++number) {
    const std::string where = fmt::format("{} line {}", path, number);
    const auto fields = split_csv_line(line);
    if (!fields || fields->size() != head.size()) return Error{fmt::format("has not {} fields", head.size()), where, columns};
    auto known = parse_known((*fields)[bytes], (*fields)[md5], where);
    if (!known) return std::move(known).error();
    const std::string& address = (*fields)[url];
    list[address.substr(address.rfind('/') + 1)] = *std::move(known);
  }
  return list;
}

}  // namespace tidegauge
