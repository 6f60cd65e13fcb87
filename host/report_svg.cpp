// The plots as a static picture: axes, series, forecasts, labelled ranges, true ranges and a legend, on
// white.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include "host/duration.hpp"
#include "host/report.hpp"
#include "host/report_rows.hpp"
#include "host/report_text.hpp"
#include "host/svg.hpp"
#include "host/time_text.hpp"

namespace tidegauge {

namespace {

constexpr double width = 1000, panel_height = 360;
constexpr double left = 72, right = 984, top = 62, bottom = 316;
constexpr std::size_t most_rows = 2 * static_cast<std::size_t>(right - left);  // two extremes for each pixel
constexpr std::size_t most_forecasts = 3;
constexpr std::string_view actual_colour = "#37474f", rising_colour = "#e03131", falling_colour = "#1c7ed6",
                           truth_colour = "#2b8a3e";
constexpr std::array<std::string_view, most_forecasts> forecast_colours{"#d9480f", "#1c7ed6", "#ae3ec9"};
constexpr std::array<std::string_view, most_forecasts> forecast_dashes{"none", "7 3", "2 3"};

/// From data to the panel's coordinates.
struct Scale {
  std::int64_t first_ns, last_ns;
  double low, high;
  double x(std::int64_t ns) const {
    const double share = static_cast<double>(ns - first_ns) / static_cast<double>(last_ns - first_ns);
    return left + std::clamp(share, 0.0, 1.0) * (right - left);
  }
  double y(double value) const { return bottom - (value - low) / (high - low) * (bottom - top); }
};

Scale scale_of(const ReportPoint& point, std::size_t forecasts) {
  double low = 0, high = 0;
  const auto stretch = [&](const std::vector<double>& values) {
    for (const double v : values) {
      if (!std::isfinite(v)) continue;
      low = std::min(low, v);
      high = std::max(high, v);
    }
  };
  stretch(point.actual);
  for (std::size_t i = 0; i < forecasts; ++i) stretch(point.forecasts[i].values);
  if (high == low) high = low + 1;
  high += (high - low) * 0.05;
  return {point.start_ns.front(), point.start_ns.back() + point.interval_ns, low, high};
}

/// One path that breaks where there is no value.
std::string path(const ReportPoint& point, const PlotRows& plot, const std::vector<double>& values,
                 const Scale& scale, std::string_view colour, std::string_view dash) {
  std::string d;
  bool drawing = false;
  for (const auto& row : plot.rows) {
    const bool there = row && std::isfinite(values[*row]);
    if (there)
      d += fmt::format("{}{:.1f} {:.1f}", drawing ? "L" : "M", scale.x(point.start_ns[*row]),
                       scale.y(values[*row]));
    drawing = there;
  }
  return fmt::format(
      "<path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"1.2\" stroke-dasharray=\"{}\" "
      "stroke-linejoin=\"round\" stroke-linecap=\"round\"/>\n",
      d, colour, dash);
}

std::string axes(const ReportPoint& point, const Scale& scale) {
  std::string svg;
  for (const double v : number_ticks(scale.low, scale.high, 5)) {
    svg += fmt::format("<line x1=\"{}\" x2=\"{}\" y1=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"#e3e7ea\"/>\n", left,
                       right, scale.y(v), scale.y(v));
    svg += svg_text(left - 8, scale.y(v) + 4, "end", tick_text(v));
  }
  for (const TimeTick& tick : time_ticks(scale.first_ns, scale.last_ns, 10)) {
    svg += fmt::format("<line x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1}\" y2=\"{2}\" stroke=\"#5b6670\"/>\n",
                       scale.x(tick.ns), bottom, bottom + 5);
    svg += svg_text(scale.x(tick.ns), bottom + 19, "middle", tick.text);
  }
  svg += fmt::format("<path d=\"M{0} {1}V{2}H{3}\" fill=\"none\" stroke=\"#5b6670\"/>\n", left, top, bottom,
                     right);
  const std::string unit = fmt::format("{} per {}", point.column, format_duration(point.interval_ns));
  svg += svg_text(0, 0, "middle", unit,
              fmt::format("transform=\"translate(16 {}) rotate(-90)\"", (top + bottom) / 2));
  const std::string first_day = format_utc(scale.first_ns, 1'000'000'000).substr(0, 10);
  return svg + svg_text((left + right) / 2, bottom + 38, "middle", "time (UTC), from " + first_day);
}

/// The ranges drawn: of the network's forecast where there are some, otherwise of the first source.
std::string shown_source(const ReportPoint& point) {
  for (const ReportRange& r : point.ranges)
    if (r.source == "lstm") return r.source;
  return point.ranges.empty() ? "" : point.ranges.front().source;
}

std::string shades(const ReportPoint& point, const Scale& scale, const std::string& source) {
  std::string svg;
  for (const ReportRange& r : point.ranges) {
    if (r.source != source || r.last_ns <= scale.first_ns || r.first_ns >= scale.last_ns) continue;
    svg += svg_rectangle(scale.x(r.first_ns), scale.x(r.last_ns), top, bottom - top,
                     r.direction == Direction::rising ? rising_colour : falling_colour, 0.2);
  }
  for (const ReportTruth& t : point.truth)
    if (t.last_ns > scale.first_ns && t.first_ns < scale.last_ns)
      svg += svg_rectangle(scale.x(t.first_ns), scale.x(t.last_ns), top, 5, truth_colour, 1);
  return svg;
}

/// Entries from left to right; the width of a text is guessed at 6.6 units a letter.
class Legend {
 public:
  void line(std::string_view name, std::string_view colour, std::string_view dash) {
    svg_ += fmt::format(
        "<line x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"44\" y2=\"44\" stroke=\"{}\" stroke-width=\"2\" "
        "stroke-dasharray=\"{}\"/>\n",
        x_, x_ + 22, colour, dash);
    name_it(name);
  }
  void block(std::string_view name, std::string_view colour, double opacity) {
    svg_ += svg_rectangle(x_ + 2, x_ + 20, 39, 10, colour, opacity);
    name_it(name);
  }
  const std::string& svg() const { return svg_; }

 private:
  void name_it(std::string_view name) {
    svg_ += svg_text(x_ + 28, 48, "start", name);
    x_ += 28 + 6.6 * static_cast<double>(name.size()) + 20;
  }
  double x_ = left;
  std::string svg_;
};

std::string legend(const ReportPoint& point, std::size_t forecasts, const std::string& source) {
  Legend entries;
  entries.line(point.column, actual_colour, "none");
  for (std::size_t i = 0; i < forecasts; ++i)
    entries.line(point.forecasts[i].name, forecast_colours[i], forecast_dashes[i]);
  const auto has = [&](Direction d) {
    return std::any_of(point.ranges.begin(), point.ranges.end(),
                       [&](const ReportRange& r) { return r.source == source && r.direction == d; });
  };
  if (has(Direction::rising)) entries.block(fmt::format("rising ({})", source), rising_colour, 0.3);
  if (has(Direction::falling)) entries.block(fmt::format("falling ({})", source), falling_colour, 0.3);
  if (!point.truth.empty()) entries.block("true surges", truth_colour, 1);
  return entries.svg();
}

std::string panel(const ReportPoint& point, double offset) {
  std::string svg = fmt::format("<g transform=\"translate(0 {})\">\n", offset);
  svg += svg_text(left, 22, "start", plot_heading(point.column, point.name),
              "font-size=\"15\" font-weight=\"bold\"");
  if (point.start_ns.empty()) return svg + svg_text(left, 60, "start", "no intervals are covered") + "</g>\n";
  const std::size_t forecasts = std::min(point.forecasts.size(), most_forecasts);
  const Scale scale = scale_of(point, forecasts);
  const std::string source = shown_source(point);
  const PlotRows plot = choose_rows(point, most_rows);
  svg += shades(point, scale, source) + axes(point, scale);
  svg += path(point, plot, point.actual, scale, actual_colour, "none");
  for (std::size_t i = 0; i < forecasts; ++i)
    svg += path(point, plot, point.forecasts[i].values, scale, forecast_colours[i], forecast_dashes[i]);
  return svg + legend(point, forecasts, source) + "</g>\n";
}

}  // namespace

Expected<std::string> render_plot_svg(const ReportData& data) {
  for (const ReportPoint& point : data.points) TG_TRY(check_point(point));
  const double height = panel_height * static_cast<double>(std::max<std::size_t>(1, data.points.size()));
  std::string svg = svg_begin(data.title, width, height);
  for (std::size_t i = 0; i < data.points.size(); ++i)
    svg += panel(data.points[i], panel_height * static_cast<double>(i));
  return svg + "</svg>\n";
}

}  // namespace tidegauge
