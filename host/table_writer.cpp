#include "host/table_writer.hpp"

#include <cmath>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>

#include "host/csv_text.hpp"

namespace tidegauge {

namespace {

constexpr std::size_t piece_bytes = 1 << 16;

std::string json_text(std::string_view text) {
  // Paths may hold any bytes; what is not UTF-8 is replaced instead of failing the export.
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

/// A comment line must stay one line.
std::string one_line(std::string text) {
  for (char& c : text)
    if (c == '\n' || c == '\r') c = ' ';
  return text;
}

std::string json_preamble(const TableWriter::Preamble& preamble) {
  std::map<std::string, std::vector<std::string>> members;
  for (const auto& [key, text] : preamble) members[key].push_back(json_text(text));
  std::string out = "{";
  for (const auto& [key, texts] : members) {
    const bool list = texts.size() > 1 || key == "input";
    out += json_text(key) + ": " + (list ? "[" : "");
    for (std::size_t i = 0; i < texts.size(); ++i) out += (i ? ", " : "") + texts[i];
    out += list ? "],\n" : ",\n";
  }
  return out + "\"rows\": [";
}

}  // namespace

TableWriter::TableWriter(Format format, std::vector<std::string> columns, TextSink sink)
    : format_(format), columns_(std::move(columns)), sink_(std::move(sink)) {}

Status TableWriter::begin(const Preamble& preamble) {
  auto out = std::back_inserter(out_);
  if (format_ == Format::json) {
    fmt::format_to(out, "{}", json_preamble(preamble));
    return pass_on(piece_bytes);
  }
  for (const auto& [key, text] : preamble) fmt::format_to(out, "# {}: {}\n", key, one_line(text));
  for (std::size_t i = 0; i < columns_.size(); ++i) fmt::format_to(out, "{}{}", i ? "," : "", csv_field(columns_[i]));
  fmt::format_to(out, "\n");
  return pass_on(piece_bytes);
}

void TableWriter::open_cell() {
  auto out = std::back_inserter(out_);
  TG_REQUIRE(cell_ < columns_.size(), "a row has one cell per column");
  if (format_ == Format::json) fmt::format_to(out, "{}\"{}\": ", cell_ ? ", " : (rows_ ? ",\n{" : "\n{"), columns_[cell_]);
  else if (cell_) out_.push_back(',');
  ++cell_;
}

void TableWriter::text(std::string_view value) {
  open_cell();
  fmt::format_to(std::back_inserter(out_), "{}", format_ == Format::json ? json_text(value) : csv_field(value));
}

void TableWriter::integer(std::int64_t value) {
  open_cell();
  fmt::format_to(std::back_inserter(out_), "{}", value);
}

void TableWriter::count(std::uint64_t value) {
  open_cell();
  fmt::format_to(std::back_inserter(out_), "{}", value);
}

void TableWriter::real(double value) {
  open_cell();
  const bool json = format_ == Format::json;
  auto out = std::back_inserter(out_);
  if (std::isnan(value)) fmt::format_to(out, "{}", json ? "null" : "");
  else if (std::isinf(value) && json) fmt::format_to(out, "\"{}\"", value);
  else fmt::format_to(out, "{}", value);
}

Status TableWriter::end_row() {
  TG_REQUIRE(cell_ == columns_.size(), "a row has one cell per column");
  out_.push_back(format_ == Format::json ? '}' : '\n');
  cell_ = 0;
  ++rows_;
  return pass_on(piece_bytes);
}

Status TableWriter::finish() {
  if (format_ == Format::json) fmt::format_to(std::back_inserter(out_), "\n]}}\n");
  return pass_on(0);
}

Status TableWriter::pass_on(std::size_t limit) {
  if (out_.size() < limit) return {};
  const Status written = sink_({out_.data(), out_.size()});
  out_.clear();
  return written;
}

}  // namespace tidegauge
