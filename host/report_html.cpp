#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "host/duration.hpp"
#include "host/report.hpp"
#include "host/report_assets.hpp"
#include "host/report_rows.hpp"
#include "host/report_text.hpp"
#include "host/time_text.hpp"

namespace tidegauge {

namespace {

/// Rows of all plots together: at about 60 bytes each (three forecasts) 7 MB of page.
constexpr std::size_t most_rows = 120'000;
constexpr std::size_t most_rows_per_plot = 20'000;

std::string tag(std::string_view name, std::string_view text, std::string_view attributes = "") {
  return fmt::format("<{}{}{}>{}</{}>", name, attributes.empty() ? "" : " ", attributes, escape_html(text),
                     name);
}

std::string utc(std::int64_t ns) {
  std::string text = format_utc(ns, ns % 1'000'000'000 ? 1'000'000 : 1'000'000'000);
  text[10] = ' ';
  return text.substr(0, text.size() - 1);
}

/// JavaScript number, or null.
std::string js_number(double value) { return std::isfinite(value) ? fmt::format("{:.8g}", value) : "null"; }
/// Milliseconds, the unit of JavaScript's clock.
std::string js_time(std::int64_t ns) {
  return ns % 1'000'000 ? fmt::format("{}", static_cast<double>(ns) / 1e6) : std::to_string(ns / 1'000'000);
}

void add_row(std::string& json, const ReportPoint& point, std::size_t row) {
  json += fmt::format("[{},{}", js_time(point.start_ns[row]), js_number(point.actual[row]));
  for (const ReportForecast& f : point.forecasts) json.append(",").append(js_number(f.values[row]));
  json += "],\n";
}

/// A row without values just after the last one before the gap.
void add_break(std::string& json, const ReportPoint& point, std::size_t before) {
  json += fmt::format("[{}", js_time(point.start_ns[before] + point.interval_ns));
  for (std::size_t i = 0; i < point.forecasts.size() + 1; ++i) json += ",null";
  json += "],\n";
}

template <class T, class Write>
std::string js_list(const std::vector<T>& items, const Write& write) {
  std::string json = "[";
  for (const T& item : items) json.append(json.size() > 1 ? "," : "").append(write(item));
  return json + "]";
}

std::string plot_json(const ReportPoint& point, const PlotRows& plot) {
  std::string names = script_json_string(point.column);
  for (const ReportForecast& f : point.forecasts) names.append(",").append(script_json_string(f.name));
  std::string json = fmt::format(
      "{{\"names\":[{}],\"unit\":{},\"step\":{},\n\"ranges\":", names,
      script_json_string(fmt::format("{} per {}", point.column, format_duration(point.interval_ns))),
      js_number(static_cast<double>(point.interval_ns) / 1e6));
  json += js_list(point.ranges, [](const ReportRange& r) {
    return fmt::format("[{},{},{},{}]", js_time(r.first_ns), js_time(r.last_ns),
                       r.direction == Direction::rising ? 1 : 0, script_json_string(r.source));
  });
  json.append(",\n\"truth\":").append(js_list(point.truth, [](const ReportTruth& t) {
    return fmt::format("[{},{}]", js_time(t.first_ns), js_time(t.last_ns));
  }));
  json += ",\n\"rows\":[\n";
  std::size_t before = 0;
  for (const auto& row : plot.rows) {
    if (row)
      add_row(json, point, before = *row);
    else
      add_break(json, point, before);
  }
  if (json.ends_with(",\n")) json.erase(json.size() - 2);
  return json + "]}";
}

std::vector<std::string> label_sources(const ReportPoint& point) {
  std::vector<std::string> sources;
  for (const ReportRange& r : point.ranges)
    if (std::find(sources.begin(), sources.end(), r.source) == sources.end()) sources.push_back(r.source);
  return sources;
}

/// Which lines there are, which labels are shown, and what the colours mean.
std::string controls(const ReportPoint& point) {
  std::string html = "<div class=\"controls\">\n";
  html += fmt::format("<span><span class=\"swatch\" style=\"color:var(--actual)\"></span> {}</span>\n",
                      escape_html(point.column));
  for (std::size_t i = 0; i < point.forecasts.size(); ++i)
    html += fmt::format(
        "<label><input type=\"checkbox\" data-series=\"{}\"{}> <span class=\"swatch\" "
        "style=\"color:var(--f{})\"></span> {}</label>\n",
        i + 1, i == 0 ? " checked" : "", i % 5, escape_html(point.forecasts[i].name));
  const auto sources = label_sources(point);
  if (!sources.empty()) {
    html += "<label>Labels of <select>";
    const bool by_lstm = std::find(sources.begin(), sources.end(), "lstm") != sources.end();
    for (const std::string& source : sources) {
      const bool chosen = by_lstm && source == "lstm";
      html += fmt::format("<option value=\"{}\"{}>{}</option>", escape_html(source),
                          chosen ? " selected" : "", escape_html(source));
    }
    html +=
        "</select></label>\n<span><span class=\"block rising\"></span> rising</span>\n"
        "<span><span class=\"block falling\"></span> falling</span>\n";
  }
  if (!point.truth.empty()) html += "<span><span class=\"block truth\"></span> true surges</span>\n";
  return html + "</div>\n";
}

std::string plot_panel(const ReportPoint& point, std::size_t most) {
  if (point.start_ns.empty())
    return "<p class=\"note\">No intervals are covered: there is nothing to draw.</p>\n";
  const PlotRows plot = choose_rows(point, most);
  std::string html = fmt::format("<section class=\"panel\" data-plot aria-label=\"Plot of {}\">\n{}",
                                 escape_html(point.column), controls(point));
  html +=
      "<div class=\"plot\" role=\"img\" aria-label=\"Series, forecasts and labelled ranges over "
      "time\"></div>\n";
  html +=
      "<div class=\"values\" data-hint=\"Drag to zoom, Shift and drag to pan, double click for everything; "
      "times are "
      "UTC.\"></div>\n";
  html.append("<script type=\"application/json\">")
      .append(plot_json(point, plot))
      .append("</script>\n</section>\n");
  if (plot.reduced)
    html += fmt::format(
        "<p class=\"note\">{} intervals are drawn by their extremes: of each stretch the smallest and the "
        "largest value.</p>\n",
        grouped(point.start_ns.size()));
  return html;
}

using Row = std::vector<std::string>;

/// Cells are HTML already. Columns named in `text` are set to the left.
std::string table(std::string_view caption, const Row& head, const std::vector<Row>& rows,
                  const std::vector<bool>& text) {
  std::string html =
      fmt::format("<div class=\"scroll\"><table>\n<caption>{}</caption>\n<thead><tr>", escape_html(caption));
  for (std::size_t i = 0; i < head.size(); ++i)
    html +=
        fmt::format("<th scope=\"col\"{}>{}</th>", text[i] ? " class=\"text\"" : "", escape_html(head[i]));
  html += "</tr></thead>\n<tbody>\n";
  for (const Row& row : rows) {
    html += fmt::format("<tr><th scope=\"row\">{}</th>", row[0]);
    for (std::size_t i = 1; i < row.size(); ++i)
      html += fmt::format("<td{}>{}</td>", text[i] ? " class=\"text\"" : "", row[i]);
    html += "</tr>\n";
  }
  return html + "</tbody></table></div>\n";
}

std::string metrics_table(const std::vector<ReportMetrics>& metrics) {
  using Figure = std::optional<double> ReportMetrics::*;
  constexpr std::array<Figure, 6> figures{&ReportMetrics::mae,   &ReportMetrics::rmse, &ReportMetrics::mape,
                                          &ReportMetrics::smape, &ReportMetrics::mase, &ReportMetrics::r2};
  std::vector<Row> rows;
  for (const ReportMetrics& m : metrics) {
    Row row{escape_html(m.model)};
    for (const Figure f : figures) {
      const auto better = [&](const ReportMetrics& other) {
        return (other.*f) && (m.*f) &&
               (f == &ReportMetrics::r2 ? *(other.*f) > *(m.*f) : *(other.*f) < *(m.*f));
      };
      const bool best = metrics.size() > 1 && (m.*f) && std::none_of(metrics.begin(), metrics.end(), better);
      const std::string text =
          figure(m.*f) + ((f == &ReportMetrics::mape || f == &ReportMetrics::smape) && (m.*f) ? " %" : "");
      row.push_back(best ? fmt::format("<b>{}</b>", text) : text);
    }
    rows.push_back(std::move(row));
  }
  return std::string("<h3>Forecast errors</h3>\n") +
         table("On the intervals that were forecast; the best of each column is bold.",
               {"model", "MAE", "RMSE", "MAPE", "sMAPE", "MASE", "R\u00b2"}, rows, std::vector<bool>(7));
}

std::string count(std::optional<std::uint64_t> n) { return n ? grouped(*n) : figure(std::nullopt); }

std::string score_table(const std::vector<ReportScore>& scores) {
  std::vector<Row> rows;
  for (const ReportScore& s : scores)
    rows.push_back({escape_html(s.detector), figure(s.precision), figure(s.recall), figure(s.f1),
                    count(s.true_positives), count(s.false_positives), count(s.false_negatives)});
  return std::string("<h3>Detection</h3>\n") +
         table("Labelled ranges against those they were scored with, each found at most once.",
               {"labels of", "precision", "recall", "F1", "found", "false alarms", "missed"}, rows,
               std::vector<bool>(7));
}

std::string field_table(std::string_view caption, const Row& head, const std::vector<ReportField>& fields,
                        bool text) {
  std::vector<Row> rows;
  for (const auto& [name, value] : fields) rows.push_back({escape_html(name), escape_html(value)});
  return table(caption, head, rows, {true, text});
}

std::string notes_html(const std::vector<std::string>& notes) {
  std::string html;
  for (const std::string& note : notes) html += tag("p", note, "class=\"note\"") + "\n";
  return html;
}

std::string point_html(const ReportPoint& point, std::size_t most) {
  std::string html = fmt::format("<h2>{}</h2>\n", escape_html(plot_heading(point.column, point.name)));
  if (!point.verdict.empty()) html += tag("p", point.verdict, "class=\"verdict\"") + "\n";
  html += plot_panel(point, most) + notes_html(point.notes);
  if (!point.metrics.empty()) html += metrics_table(point.metrics);
  if (!point.scores.empty()) html += score_table(point.scores);
  if (!point.quality.empty())
    html.append("<h3>Quality</h3>\n")
        .append(field_table("Over all intervals of this point.", {"what", "packets"}, point.quality, false));
  return html;
}

std::string refused_text(const ReportTrace& trace) {
  std::string text;
  for (const auto& [reason, records] : trace.refused)
    text += (text.empty() ? "" : ", ") + reason + " " + records;
  return text.empty() ? "none" : text;
}

std::string trace_table(const std::vector<ReportTrace>& traces) {
  std::vector<Row> rows;
  for (const ReportTrace& t : traces)
    rows.push_back({escape_html(t.path), escape_html(t.point), escape_html(t.kind), grouped(t.packets),
                    grouped(t.captured_bytes), t.span_ns ? utc(t.span_ns->first) : figure(std::nullopt),
                    t.span_ns ? utc(t.span_ns->second) : figure(std::nullopt), escape_html(refused_text(t)),
                    escape_html(t.damage.empty() ? "none" : t.damage)});
  return std::string("<h2>Traces</h2>\n") +
         table("What was read. Every record is counted or refused by name; times are UTC.",
               {"file", "point", "kind", "packets", "captured bytes", "from", "to", "refused", "damage"},
               rows, {true, true, true, false, false, true, true, true, true});
}

constexpr std::string_view error_keeper =
    "<script>window.addEventListener('error', e => { document.documentElement.dataset.error = e.message; "
    "});</script>\n";

}  // namespace

Expected<std::string> render_report(const ReportData& data) {
  for (const ReportPoint& point : data.points) TG_TRY(check_point(point));
  const std::size_t most =
      std::min(most_rows_per_plot, most_rows / std::max<std::size_t>(1, data.points.size()));
  std::string html = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{}</title>\n"
      "<link rel=\"icon\" "
      "href=\"data:,\">\n<style>\n{}\n{}</style>\n{}</head>\n<body>\n<main>\n<h1>{}</h1>\n",
      escape_html(data.title), report_dygraphs_css, report_page_css, error_keeper, escape_html(data.title));
  html += notes_html(data.notes);
  for (const ReportPoint& point : data.points) html += point_html(point, most);
  if (!data.traces.empty()) html += trace_table(data.traces);
  html += "<div class=\"columns\">\n";
  if (!data.settings.empty())
    html += fmt::format("<div><h2>Settings</h2>\n{}</div>\n",
                        field_table("", {"setting", "value"}, data.settings, true));
  if (!data.versions.empty())
    html += fmt::format("<div><h2>Versions</h2>\n{}</div>\n",
                        field_table("", {"part", "version"}, data.versions, true));
  html +=
      "</div>\n<noscript><p class=\"verdict\">The plots need JavaScript; the tables do not.</p></noscript>\n";
  html +=
      "<footer>Made by tidegauge. This page needs no network. Plots by dygraphs (MIT licence, in the page's "
      "source)."
      "</footer>\n</main>\n";
  html += fmt::format("<!--\n{}-->\n<script>\n{}\n</script>\n<script>\n{}</script>\n</body>\n</html>\n",
                      report_dygraphs_license, report_dygraphs_js, report_page_js);
  return html;
}

}  // namespace tidegauge
